"""The environment in .venv/: a virtual environment without ensurepip, locked packages, programs.

Each step can be repeated; the last one writes a stamp, and a run that finds its stamp does nothing.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import signal
import ssl
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from setup import apt, emulator
from setup.console import Command, SetupError, run, step
from setup.programs import CHROMIUM, DBUS_DAEMON, MOSQUITTO, DebianFolder, Program
from setup.real import LOCKS, RealServers

CHECKOUT = Path(__file__).resolve().parent.parent
ENVIRONMENT = CHECKOUT / ".venv"
STATE = ENVIRONMENT / "setup"
PYTHON = ENVIRONMENT / "bin" / "python"
UV = ENVIRONMENT / "bin" / "uv"
GUEST = CHECKOUT / "simulators" / "true_world" / "guest"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_WHEELS = Path("usr/share/python-wheels")
DOWNLOAD_TIMEOUT_S = 900
SHORT_TIMEOUT_S = 60
# Debian's pip loads /etc/ssl/certs/ca-certificates.crt before it reads its options; a machine that
# has none would end there.
_RUN_PIP = """\
import sys
import sysconfig
wheel, certificates = sys.argv[1:3]
del sys.argv[1:3]
sys.path.insert(0, wheel)
import pip._vendor.certifi
pip._vendor.certifi.where = lambda: certificates
from pip._internal.cli.main import main
sys.exit(main())
"""
_AGAIN = "Check the network (PIP_INDEX_URL and PIP_CERT are honoured), then run the same again"


PLAYWRIGHT_NODE = Program(
    "playwright-node",
    ("libatomic1",),
    f"{sysconfig.get_path('purelib', 'venv', {'base': str(ENVIRONMENT)})}/playwright/driver/node",
    library="libatomic.so.1",
)


@dataclass(frozen=True)
class Purpose:
    """What one use of the project needs: programs of Debian's, and a selection from uv.lock.

    `real_servers`: also those that neither Debian nor the lock file has. `emulator`: also qemu, and
    a Debian to run in it.
    """

    selection: tuple[str, ...]
    programs: tuple[Program, ...] = ()
    real_servers: bool = False
    emulator: bool = False


_BASE = ("--no-default-groups", "--group=build", "--group=tool")
PURPOSES = {
    "gateway": Purpose(_BASE),
    "server": Purpose((*_BASE, "--extra=server")),
    "analysis": Purpose((*_BASE, "--extra=server", "--extra=analysis")),
    "demo": Purpose((*_BASE, "--extra=demo"), (DBUS_DAEMON,)),
    "test": Purpose(
        ("--group=dev", "--extra=demo", "--extra=analysis"),
        (DBUS_DAEMON, CHROMIUM, MOSQUITTO, PLAYWRIGHT_NODE),
    ),
    "bench": Purpose(
        ("--group=dev", "--group=bench", "--group=real", "--extra=demo", "--extra=analysis"),
        (DBUS_DAEMON, MOSQUITTO),
        real_servers=True,
    ),
    "fuzz": Purpose(("--group=dev", "--group=fuzz", "--extra=demo"), (DBUS_DAEMON,)),
    "real": Purpose(
        ("--group=dev", "--group=real", "--extra=demo", "--extra=analysis"),
        (DBUS_DAEMON, MOSQUITTO),
        real_servers=True,
    ),
    "true": Purpose(("--group=dev", "--extra=demo"), emulator=True),
}


@dataclass(frozen=True)
class Pip:
    """A wheel of pip, run as it is, and the certificates that it shall trust."""

    wheel: Path
    certificates: Path

    def argv(self, *arguments: str) -> list[str]:
        return [str(PYTHON), "-c", _RUN_PIP, str(self.wheel), str(self.certificates), *arguments]


def main(arguments: list[str]) -> int:
    """Set up .venv for a purpose, such as `demo`. Returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in PURPOSES:
        print(f"usage: python3 -m setup {'|'.join(PURPOSES)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # takes its children with it
    try:
        _set_up(arguments[0])
    except SetupError as error:
        print(f"setup: {error}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: stopped; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


def _set_up(name: str) -> None:
    key = _key(name)
    stamp = STATE / f"ready-{name}"
    if _holds(stamp, key):
        return
    purpose = PURPOSES[name]
    step(f"Setting up .venv for {name!r}; the next run skips this")
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held by another `make` for minutes at most
        if _holds(stamp, key):
            return
        debian = DebianFolder(ENVIRONMENT / "debian", _cache())
        pip = _bootstrap(debian, purpose)
        _create_environment()
        network = _network(pip)
        _install_uv(pip)
        _install_packages(purpose, network)
        if purpose.emulator:
            _fetch_emulator(debian)
        if purpose.real_servers:
            RealServers(CHECKOUT, ENVIRONMENT, _cache(), pip.certificates).fetch()
        stamp.write_text(key)
    step("Set-up complete")


def _holds(stamp: Path, key: str) -> bool:
    return stamp.is_file() and stamp.read_text() == key


def _key(name: str) -> str:
    """Name everything that decides what the set-up does: a change of it asks for another run."""
    digest = hashlib.sha256(f"{name} {CHECKOUT} {sys.version}".encode())
    listed = [Path("uv.lock"), Path("pyproject.toml")]
    listed += LOCKS if PURPOSES[name].real_servers else ()
    listed += _guests_files() if PURPOSES[name].emulator else ()
    for path in [*(CHECKOUT / name for name in listed), *sorted(_own_files())]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _own_files() -> list[Path]:
    return list(Path(__file__).parent.glob("*.py"))


def _guests_files() -> list[Path]:
    return sorted(path for path in GUEST.iterdir() if path.is_file())


def _fetch_emulator(debian: DebianFolder) -> None:
    archive = apt.debian_bookworm(debian.cache / "emulator", debian.keyring(), emulator.NOT_NEEDED)
    emulator.Emulator(CHECKOUT, _guests_files(), ENVIRONMENT / "emulator", archive).fetch()


def _cache() -> Path:
    """Return a folder for downloads: the user's cache, or inside .venv where there is no home."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    nearest = next(path for path in (base, *base.parents) if path.exists())
    return (base if os.access(nearest, os.W_OK) else ENVIRONMENT / "cache") / "vitalwire"


def _bootstrap(debian: DebianFolder, purpose: Purpose) -> Pip:
    """Get what is needed before there is a pip: pip itself, certificates, programs."""
    programs = debian.missing(purpose.programs)
    packages = []
    if _pip_wheel(debian) is None:
        packages.append("python3-pip-whl")
    if _certificates(debian) is None:
        packages.append("ca-certificates")
    debian.fetch(programs, packages)
    _bundle_certificates(debian)
    wheel, certificates = _pip_wheel(debian), _certificates(debian)
    if wheel is None or certificates is None:
        msg = "Debian's python3-pip-whl or ca-certificates is not what it was. Please report this"
        raise SetupError(msg)
    return Pip(wheel, certificates)


def _pip_wheel(debian: DebianFolder) -> Path | None:
    """Find a wheel of pip; it can be run as it is. Debian keeps one, other Pythons another."""
    bundled = Path(ast.__file__).parent / "ensurepip" / "_bundled"
    folders = (bundled, Path("/") / PIP_WHEELS, debian.root / PIP_WHEELS)
    return next((wheel for folder in folders for wheel in folder.glob("pip-*.whl")), None)


def _certificates(debian: DebianFolder) -> Path | None:
    named = [os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE")]
    default = ssl.get_default_verify_paths().cafile
    bundle = debian.path / "ca-certificates.crt"
    candidates = [*named, SYSTEM_CERTIFICATES, default, bundle]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def _bundle_certificates(debian: DebianFolder) -> None:
    """Do what the package's installation would have done with its certificates."""
    found = sorted((debian.root / "usr/share/ca-certificates").rglob("*.crt"))
    if found:
        bundle = debian.path / "ca-certificates.crt"
        bundle.write_text("".join(path.read_text() for path in found))


def _create_environment() -> None:
    works = PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0
    if works:
        return
    step(f"Python environment for {sys.version.split()[0]}")
    argv = [sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)]
    way_out = "Remove .venv, then run the same command again"
    run(Command(argv, "creating .venv", way_out, SHORT_TIMEOUT_S))


def _network(pip: Pip) -> Mapping[str, str]:
    """Tell uv what pip knows about this machine's network, from its files and its environment."""
    way_out = "Check pip's configuration"
    command = Command(pip.argv("config", "list"), "pip config list", way_out, SHORT_TIMEOUT_S)
    settings: dict[str, str] = {}
    for line in run(command).splitlines():
        key, equals, value = line.partition("=")
        if equals and value[:1] in {"'", '"'}:
            settings[key.rpartition(".")[2].replace("_", "-")] = str(ast.literal_eval(value))
    environment = {**os.environ, "UV_HTTP_TIMEOUT": "60", "SSL_CERT_FILE": str(pip.certificates)}
    for key, variable in {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "trusted-host": "UV_INSECURE_HOST",
        "proxy": "ALL_PROXY",
    }.items():
        if key in settings:
            environment.setdefault(variable, settings[key])
    if "UV_CACHE_DIR" not in os.environ:
        environment["UV_CACHE_DIR"] = str(_cache().parent / "uv")
    return environment


def _install_uv(pip: Pip) -> None:
    """Install the uv of the lock file, by its hashes."""
    locked = tomllib.loads((CHECKOUT / "uv.lock").read_text())["package"]
    uv = next(package for package in locked if package["name"] == "uv")
    if UV.exists() and f"uv {uv['version']} " in run(
        Command([str(UV), "--version"], "uv --version", _AGAIN, SHORT_TIMEOUT_S)
    ):
        return
    step(f"uv {uv['version']} (23 MB), by pip")
    requirement = STATE / "uv.txt"
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in uv["wheels"])
    requirement.write_text(f"uv=={uv['version']} {hashes}\n")
    options = [
        "--require-hashes",
        "--only-binary=:all:",
        "--no-deps",
        "--disable-pip-version-check",
    ]
    options += ["--timeout=30", "--retries=3", f"--cert={pip.certificates}"]
    argv = pip.argv("install", *options, f"--requirement={requirement}")
    run(Command(argv, "installing uv", _AGAIN, DOWNLOAD_TIMEOUT_S))


def _install_packages(purpose: Purpose, network: Mapping[str, str]) -> None:
    """Install the lock file's packages by their hashes, and this checkout as `vitalwire`.

    Not by `uv sync`: that goes to the addresses in the lock file, where a network with an index of
    its own cannot go; the hashes are the same everywhere.
    """
    requirements = STATE / "requirements.txt"
    argv = [str(UV), "export", "--quiet", "--frozen", "--no-emit-project", *purpose.selection]
    argv += [f"--output-file={requirements}", f"--project={CHECKOUT}"]
    run(Command(argv, "uv export", _AGAIN, SHORT_TIMEOUT_S, network))
    count = sum("==" in line for line in requirements.read_text().splitlines())
    step(f"{count} Python packages of uv.lock, checked by their hashes")
    install = [str(UV), "pip", "install", f"--python={PYTHON}"]
    locked = ["--require-hashes", "--only-binary=:all:", "--compile-bytecode"]
    argv = [*install, *locked, f"--requirement={requirements}"]
    run(Command(argv, "installing Python packages", _AGAIN, DOWNLOAD_TIMEOUT_S, network))
    argv = [*install, "--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT)]
    run(Command(argv, "installing vitalwire", _AGAIN, SHORT_TIMEOUT_S, network))
