"""Options that several commands have."""

import math
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.bedside.questions import PASSKEY_FORM, passkey_of
from schemas.errors import MisconfiguredError
from schemas.time_zone import zone_named

SUDO = "sudo vitalwire gateway"
"""How the commands are typed: the gateway's directory is its own user's."""
STATE_VARIABLE = "VITALWIRE_GATEWAY_STATE"
_BETWEEN_DIGITS = re.compile(r"[:. -]")  # of an address, as labels and telephones write it
_ADDRESS = re.compile(r"[0-9A-F]{12}")


def _open_to_us(_ctx: click.Context, _parameter: click.Parameter, value: Path) -> Path:
    """Refuse a directory of somebody else's before each command trips over it in its own way.

    systemd keeps a gateway's behind a directory of root's (DynamicUser): to anybody else the files
    in it are not missing, but out of sight.
    """
    try:
        closed = value.is_dir() and not os.access(value, os.R_OK | os.X_OK)
    except PermissionError:
        closed = True
    if closed:
        raise MisconfiguredError(
            f"The gateway's directory {value} is not open to this user.", "Run this with sudo."
        )
    return value


ADAPTER = click.option("--adapter", default="hci0", show_default=True, help="Bluetooth adapter.")
JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
_state = partial(
    click.option,
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # _open_to_us asks
    default="/var/lib/vitalwire",  # deploy/systemd
    show_default=True,
    envvar=STATE_VARIABLE,
    help="Directory of the gateway.",
)
STATE = _state(callback=_open_to_us)
STATE_IF_OPEN = _state()
"""For a command that does its work without it too."""


def listen(default_s: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the option for how long to listen: no shorter than a device takes to be heard."""
    return click.option(
        "--listen",
        "listen_s",
        default=default_s,
        show_default=True,
        type=click.FloatRange(1, 3600),
        callback=finite,
        help="Seconds to listen.",
    )


def finite(_ctx: click.Context, _parameter: click.Parameter, value: float) -> float:
    """Refuse what no range refuses: not-a-number is neither below nor above."""
    if math.isnan(value):
        raise click.BadParameter("write a number of seconds")
    return value


def zone_by_name(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> ZoneInfo | None:
    """Look a time zone up."""
    if value is None:
        return None
    zone = zone_named(value)
    if zone is None:
        raise click.BadParameter("write it as Europe/Berlin")
    return zone


def passkey_typed(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> int | None:
    """Refuse a digit too few: filled up by a 0 it would be another passkey."""
    if value is None:
        return None
    if (passkey := passkey_of(value)) is None:
        raise click.BadParameter(PASSKEY_FORM)
    return passkey


def address_of_device(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Check a Bluetooth address as it is printed on devices."""
    if value is None:
        return None
    digits = _BETWEEN_DIGITS.sub("", value).upper()
    if not _ADDRESS.fullmatch(digits):
        raise click.BadParameter(
            f"{value!r} is no address of a device; write it as C0:00:00:00:00:01."
            f" `{SUDO} scan` lists those that are heard."
        )
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
