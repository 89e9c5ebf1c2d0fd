"""Packages that apt authenticates, downloaded and unpacked into a folder: nothing is installed.

Works as any user: apt keeps its lists and archives in a cache of ours and only reads the machine's
dpkg status, so exactly those libraries come along that this machine lacks.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setup.console import Command, SetupError, run, step

LISTS_TIMEOUT_S = 300
DOWNLOAD_TIMEOUT_S = 900
UNPACK_TIMEOUT_S = 120
DEBIAN_KEYRING = Path("usr/share/keyrings/debian-archive-keyring.gpg")

_WAY_OUT = "Check the network and /etc/apt/sources.list*, then run the same command again"
# The C library belongs to the machine's dynamic loader; a second one beside it cannot work.
_NEVER_UNPACKED = {"libc6", "libc-bin"}
# Hooks of the machine, such as a container image's clean-up, are not meant for this.
_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Sandbox::User "root";
Debug::NoLocking "true";
Dir::State::lists "{cache}/lists";
Dir::Cache "{cache}";
Dir::Cache::archives "{cache}/archives";
Dir::Log "{cache}/log";
"""
# The oldest Debian with Python 3.11: what is built for its C library runs with every later one.
_BOOKWORM_SOURCES = """\
deb [signed-by={keyring}] http://deb.debian.org/debian bookworm main
deb [signed-by={keyring}] http://deb.debian.org/debian-security bookworm-security main
"""
_BOOKWORM_CONFIGURATION = """\
Dir::Etc::sourcelist "{cache}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::status "{cache}/status";
"""
_INSTALLED = """\
Package: {name}
Status: install ok installed
Architecture: all
Version: 999
Maintainer: nobody <nobody@localhost>
Description: not needed
"""


@dataclass(frozen=True)
class Archive:
    """A place that apt gets packages from, with the cache of what it got."""

    name: str
    cache: Path

    def fetch(self, packages: Sequence[str], root: Path) -> None:
        """Download packages, with the dependencies that the machine lacks; unpack all in `root`.

        Raises:
            SetupError: no apt here, no network, no such package, no room.
        """
        for package in self.download(packages):
            if package.name.partition("_")[0] not in _NEVER_UNPACKED:
                _unpack(package, root)

    def download(self, packages: Sequence[str]) -> list[Path]:
        """Download packages with their dependencies; return their files.

        Raises:
            SetupError: as `fetch`.
        """
        names = ", ".join(packages)
        if shutil.which("apt-get") is None:
            msg = f"{names}: not here, and no apt-get to fetch it. Install it on this machine"
            raise SetupError(msg)
        with (self.cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._download(packages, names)

    def _download(self, packages: Sequence[str], names: str) -> list[Path]:
        step(f"{self.name}: package lists")
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
        size_mb = sum(sizes) / 1e6
        step(f"{self.name}: {names}: {len(found)} packages, {size_mb:.1f} MB to download")
        self._apt_get("install --download-only", DOWNLOAD_TIMEOUT_S, packages)
        return [
            self.cache / "archives" / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
            for name, version, architecture in found
        ]

    def _apt_get(self, action: str, timeout_s: float, packages: Sequence[str] = ()) -> str:
        verb, *options = action.split()
        argv = ["apt-get", "-c", str(self.cache / "apt.conf"), "-y", "--no-install-recommends"]
        argv += [*options, verb, *packages]
        environment = {**os.environ, "LC_ALL": "C"}
        return run(Command(argv, f"apt-get {verb}", _WAY_OUT, timeout_s, environment))


def this_machines(cache: Path) -> Archive:
    """Use the sources of this machine."""
    return _archive("Packages of this machine's sources", cache, "")


def debian_bookworm(cache: Path, keyring: Path, not_needed: Sequence[str] = ()) -> Archive:
    """Use Debian itself, for what this machine's distribution has not, or not in that version.

    Nothing of it is installed here, so all libraries come along; but not packages that are
    `not_needed`, whoever asks for them.
    """
    archive = _archive("Packages of Debian 12", cache, _BOOKWORM_CONFIGURATION)
    (cache / "sources.list").write_text(_BOOKWORM_SOURCES.format(keyring=keyring))
    installed = "\n".join(_INSTALLED.format(name=name) for name in not_needed)
    (cache / "status").write_text(installed)
    return archive


def _archive(name: str, cache: Path, further_configuration: str) -> Archive:
    for folder in ("lists/partial", "archives/partial", "log"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    configuration = (_CONFIGURATION + further_configuration).format(cache=cache)
    (cache / "apt.conf").write_text(configuration)
    return Archive(name, cache)


def _unpack(package: Path, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    argv = ["dpkg-deb", "--extract", str(package), str(root)]
    way_out = f"Make room, or remove {package}, then run the same command again"
    run(Command(argv, f"unpacking {package.name}", way_out, UNPACK_TIMEOUT_S))
