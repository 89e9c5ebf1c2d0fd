"""Finds the programs that Debian ships and the project starts: dbus-daemon, chromium, mosquitto.

The machine's own program comes first; else the one that `make setup` unpacked under .venv, which is
a wrapper that says where its libraries are: same arguments, same process, same signals.
"""

import os
import shutil
import sys
from pathlib import Path

from schemas.errors import MisconfiguredError

UNPACKED = Path(sys.prefix) / "debian" / "bin"
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")  # where mosquitto lives; not on an ordinary user's PATH


def find_program(name: str) -> Path:
    """Return the path that starts a program, for example `dbus-daemon`.

    Raises:
        MisconfiguredError: it is neither on this machine nor under .venv.
    """
    folders = [os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS, str(UNPACKED)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise MisconfiguredError(
            f"{name} is neither on this machine nor under {sys.prefix}.",
            "Run `make setup` (for the demo) or `make setup-test`, which fetch it.",
        )
    return Path(found)
