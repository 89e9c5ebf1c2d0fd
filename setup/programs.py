"""Programs of Debian's under .venv/debian: unpacked packages, and wrappers in bin/ to start them.

A machine that has a program by itself uses its own. `simulators/programs.py` finds either.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setup import apt

_SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_FONTS_CONF = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{root}/var/cache/fontconfig</cachedir>
</fontconfig>
"""


@dataclass(frozen=True)
class Program:
    """A program that the project starts: its name, its Debian packages, its path inside them.

    One with a `library` is in the environment anyway, and lacks that library on some machines.
    """

    name: str
    packages: tuple[str, ...]
    path: str
    library: str | None = None
    snap_on_ubuntu: bool = False

    def is_here(self) -> bool:
        """Say whether it runs on this machine as it is."""
        if self.library is None:
            return shutil.which(self.name, path=_SYSTEM_PATH) is not None
        try:
            ctypes.CDLL(self.library)
        except OSError:
            return False
        return True


DBUS_DAEMON = Program("dbus-daemon", ("dbus-daemon",), "usr/bin/dbus-daemon")
CHROMIUM = Program(
    "chromium",
    ("chromium-headless-shell", "fonts-dejavu-core"),
    "usr/lib/chromium/chromium-headless-shell",
    snap_on_ubuntu=True,
)
MOSQUITTO = Program("mosquitto", ("mosquitto",), "usr/sbin/mosquitto")


@dataclass(frozen=True)
class DebianFolder:
    """.venv/debian: root/ and bookworm/ with unpacked packages, bin/ with wrappers."""

    path: Path
    cache: Path

    @property
    def root(self) -> Path:
        return self.path / "root"

    def missing(self, programs: Sequence[Program]) -> list[Program]:
        """Return those programs that neither the machine nor this folder has."""
        return [
            program
            for program in programs
            if not program.is_here() and not (self.path / "bin" / program.name).exists()
        ]

    def fetch(self, programs: Sequence[Program], packages: Sequence[str]) -> None:
        """Fetch programs, and packages without a program.

        Raises:
            SetupError: no apt here, no network, no such package, no room.
        """
        foreign = [program for program in programs if program.snap_on_ubuntu and _is_ubuntu()]
        own = [program for program in programs if program not in foreign]
        wanted = [*packages, *(package for program in own for package in program.packages)]
        if wanted:
            apt.this_machines(self.cache / "apt").fetch(wanted, self.root)
            self._wrap(own, self.root)
        if foreign:
            debian = apt.debian_bookworm(self.cache / "bookworm", self.keyring())
            root = self.path / "bookworm"
            debian.fetch([package for program in foreign for package in program.packages], root)
            self._wrap(foreign, root)

    def keyring(self) -> Path:
        """Return Debian's keys; a machine that is no Debian gets them from its own sources.

        Raises:
            SetupError: as `fetch`.
        """
        here, unpacked = Path("/") / apt.DEBIAN_KEYRING, self.root / apt.DEBIAN_KEYRING
        if here.exists():
            return here
        if not unpacked.exists():
            apt.this_machines(self.cache / "apt").fetch(["debian-archive-keyring"], self.root)
        return unpacked

    def _wrap(self, programs: Sequence[Program], root: Path) -> None:
        """Write bin/NAME, which says where the libraries are. It is there when all else is."""
        folders = sorted({str(path.parent) for path in root.rglob("lib*.so*")})
        fonts = root / "fonts.conf"
        fonts.write_text(_FONTS_CONF.format(root=root))
        (self.path / "bin").mkdir(exist_ok=True)
        for program in programs:
            wrapper = self.path / "bin" / program.name
            wrapper.write_text(
                "#!/bin/sh\n"
                f"export LD_LIBRARY_PATH={shlex.quote(':'.join(folders))}\n"
                f"export FONTCONFIG_FILE={shlex.quote(str(fonts))}\n"
                f'exec {shlex.quote(str(root / program.path))} "$@"\n'
            )
            wrapper.chmod(0o755)


def _is_ubuntu() -> bool:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in [release["ID"], *release.get("ID_LIKE", "").split()]
