"""Debian packages, authenticated by apt, downloaded and unpacked under .venv/debian: not installed.

Works as any user: apt keeps its lists and archives in a cache of ours and only reads the machine's
dpkg status, so exactly those libraries come along that this machine lacks. What was unpacked is
started through a wrapper in .venv/debian/bin, which says where these libraries are.
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setup.console import Command, SetupError, run, step

SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
LISTS_TIMEOUT_S = 300
DOWNLOAD_TIMEOUT_S = 900
UNPACK_TIMEOUT_S = 120

_WAY_OUT = "Check the network and /etc/apt/sources.list*, then run the same command again"
# The C library belongs to the machine's dynamic loader; a second one beside it cannot work.
_NEVER_UNPACKED = {"libc6", "libc-bin"}
# Hooks of the machine, such as a container image's clean-up, are not meant for this.
_APT_CONF = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Sandbox::User "root";
Debug::NoLocking "true";
"""
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
    """A program that the project starts: its name, its Debian packages, its path inside them."""

    name: str
    packages: tuple[str, ...]
    path: str


DBUS_DAEMON = Program("dbus-daemon", ("dbus-daemon",), "usr/bin/dbus-daemon")
CHROMIUM = Program(
    "chromium",
    ("chromium-headless-shell", "fonts-dejavu-core"),
    "usr/lib/chromium/chromium-headless-shell",
)
MOSQUITTO = Program("mosquitto", ("mosquitto",), "usr/sbin/mosquitto")


def is_installed(program: Program) -> bool:
    """Say whether this machine has the program by itself."""
    return shutil.which(program.name, path=SYSTEM_PATH) is not None


@dataclass(frozen=True)
class DebianFolder:
    """Unpacked packages (root/) and the wrappers that start programs from there (bin/)."""

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
            if not is_installed(program) and not (self.path / "bin" / program.name).exists()
        ]

    def fetch(self, packages: Sequence[str]) -> None:
        """Download and unpack packages with those dependencies that the machine lacks.

        Raises:
            SetupError: no apt here, no network, no such package, no room.
        """
        names = ", ".join(packages)
        if shutil.which("apt-get") is None:
            msg = f"{names}: not here, and no apt-get to fetch it. Install it on this machine"
            raise SetupError(msg)
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for archive in self._download(packages, names):
                self._unpack(archive)

    def add_wrappers(self, programs: Sequence[Program]) -> None:
        """Write bin/NAME for each unpacked program."""
        folders = sorted({str(path.parent) for path in self.root.rglob("lib*.so*")})
        fonts = self.path / "fonts.conf"
        fonts.write_text(_FONTS_CONF.format(root=self.root))
        (self.path / "bin").mkdir(exist_ok=True)
        for program in programs:
            wrapper = self.path / "bin" / program.name
            wrapper.write_text(
                "#!/bin/sh\n"
                f"export LD_LIBRARY_PATH={shlex.quote(':'.join(folders))}\n"
                f"export FONTCONFIG_FILE={shlex.quote(str(fonts))}\n"
                f'exec {shlex.quote(str(self.root / program.path))} "$@"\n'
            )
            wrapper.chmod(0o755)

    def _download(self, packages: Sequence[str], names: str) -> list[Path]:
        step("Debian: package lists")
        lists = self._apt_get("update", LISTS_TIMEOUT_S)
        try:
            plan = self._apt_get("install --simulate", LISTS_TIMEOUT_S, packages)
        except SetupError:
            # One source of several that does not answer is no error for apt, unless it was needed.
            for unreachable in re.findall(r"^W: (Failed to fetch .*)", lists, re.MULTILINE):
                msg = f"{names}: {unreachable}. {_WAY_OUT}"
                raise SetupError(msg) from None
            raise
        # Inst libexpat1 (2.5.0-1+deb12u2 Debian:12.12/oldstable [amd64])
        found = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\w+)\]", plan, re.MULTILINE)
        uris = self._apt_get("install --print-uris", LISTS_TIMEOUT_S, packages)
        sizes = [int(size) for size in re.findall(r"^'\S+' \S+ (\d+) ", uris, re.MULTILINE)]
        step(f"Debian: {names}: {len(found)} packages, {sum(sizes) / 1e6:.1f} MB to download")
        self._apt_get("install --download-only", DOWNLOAD_TIMEOUT_S, packages)
        return [
            self.cache / "archives" / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
            for name, version, architecture in found
            if name not in _NEVER_UNPACKED
        ]

    def _apt_get(self, action: str, timeout_s: float, packages: Sequence[str] = ()) -> str:
        for folder in ("lists/partial", "archives/partial"):
            (self.cache / folder).mkdir(parents=True, exist_ok=True)
        configuration = self.cache / "apt.conf"
        configuration.write_text(_APT_CONF)
        verb, *options = action.split()
        argv = ["apt-get", "-c", str(configuration), "-y", "--no-install-recommends", *options]
        argv += ["-o", f"Dir::State::lists={self.cache}/lists", "-o", f"Dir::Cache={self.cache}"]
        argv += ["-o", f"Dir::Cache::archives={self.cache}/archives", verb, *packages]
        environment = {**os.environ, "LC_ALL": "C"}
        return run(Command(argv, f"apt-get {verb}", _WAY_OUT, timeout_s, environment))

    def _unpack(self, archive: Path) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        argv = ["dpkg-deb", "--extract", str(archive), str(self.root)]
        way_out = f"Make room, or remove {self.cache}, then run the same command again"
        run(Command(argv, f"unpacking {archive.name}", way_out, UNPACK_TIMEOUT_S))
