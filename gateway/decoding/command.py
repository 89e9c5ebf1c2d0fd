"""``vitalwire decode``: what a payload says, for the person who looks into a rejected reading."""

import re
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

import click
import msgspec

from gateway.decoding.description import KNOWN, Description, describe
from schemas.errors import InvalidInput
from schemas.gatt import uuids
from schemas.gatt.quirks import QUIRKS, Quirk, quirk_of, quirk_titled
from schemas.vitals import VITALS

_HEX_MARK = re.compile(r"(?<![0-9a-f])(0x|\(0x\))", re.IGNORECASE)
# As nRF Connect, Wireshark and C write bytes; Apple's programs enclose them.
_SEPARATORS = str.maketrans("-:,<>", "     ")
_ENCODER = msgspec.json.Encoder(decimal_format="number")  # digits as received, no binary float
_CONSTANTS = {
    f"{one:04x}" if isinstance(one, int) else one: name
    for name, one in vars(uuids).items()
    if isinstance(one, int | str)
}
_NAMES = {number: _CONSTANTS[number].replace("_", " ").lower() for number in KNOWN}
"""The names that the Bluetooth SIG gave, without the "String" at the end of some."""


@click.command()
@click.argument("characteristic")
@click.argument("payload", metavar="HEX...", nargs=-1)
@click.option(
    "--model",
    metavar="NAME",
    help="The device's model or advertised name, or a quirk: what it departs in is applied.",
)
@click.option(
    "--received-at",
    metavar="T",
    help="When it came, as local date and time (2026-03-14T07:05): the device's clock is judged.",
)
def decode(
    characteristic: str, payload: tuple[str, ...], model: str | None, received_at: str | None
) -> None:
    r"""Print what a payload (HEX) of a CHARACTERISTIC says, as one JSON object.

    CHARACTERISTIC is its number (2a35), UUID or name (blood-pressure-measurement). The bytes are
    read strictly by their flags, as the gateway reads them. A device's clock has no zone: neither
    has T, and one that is given with T is left out.

    \b
    vitalwire decode 2a35 1EC0007C009300EA07030E0705096000010400
    vitalwire decode 2a35 56710049000000EA07080B1438000041010000 --model BM85
    vitalwire decode 2a18 1B0F00E807011E053A1B53016FB0F80000 --received-at 2024-01-30T11:38
    """
    if not payload:  # said here in one line; what click says of it takes four
        raise InvalidInput("hex", f"a payload (HEX) is missing behind {characteristic!r}")
    received = None if received_at is None else _moment(received_at)
    click.echo(
        written(
            describe(_number(characteristic), _octets(" ".join(payload)), _quirk(model), received)
        )
    )


def written(found: Description) -> str:
    """Write a description as JSON."""
    return msgspec.json.format(_ENCODER.encode(found), indent=2).decode()


def _number(characteristic: str) -> str:
    text = characteristic.strip().lower().removeprefix("0x")
    with suppress(ValueError):
        text = str(UUID(text))  # also in braces, or without hyphens
    assigned = uuids.assigned(text)
    number = text if assigned is None else f"{assigned:04x}"
    if number in KNOWN:
        return number
    names = {_letters(name): number for number, name in _NAMES.items()}
    names |= {_letters(vital.name): vital.characteristics[0] for vital in VITALS.values()}
    letters = _letters(text.removeprefix("org.bluetooth.characteristic.")).removesuffix("string")
    if letters in names:
        return names[letters]
    near = get_close_matches(letters, names, 1)
    meant = f" Did you mean {_NAMES[names[near[0]]]} ({names[near[0]]})?" if near else ""
    known = ", ".join(f"{number} ({name})" for number, name in _NAMES.items())
    raise InvalidInput(
        "characteristic", f"{characteristic!r} cannot be decoded.{meant} Known are {known}."
    )


def _letters(name: str) -> str:
    """Leave out what people write names with: blanks, hyphens, underscores."""
    return "".join(filter(str.isalnum, name))


def _octets(payload: str) -> bytes:
    digits = _HEX_MARK.sub("", payload)
    try:
        return bytes.fromhex(digits.translate(_SEPARATORS))
    except ValueError as error:
        raise InvalidInput("hex", f"{payload!r} is not pairs of hexadecimal digits") from error


def _quirk(model: str | None) -> Quirk | None:
    """Find what a model departs in; one of which nothing is known must not look as if it were."""
    if model is None:
        return None
    quirk = quirk_titled(model) or quirk_of(model=model, name=model)
    if quirk is None:
        titles = [one.title for one in QUIRKS]
        near = get_close_matches(model.lower(), titles, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise InvalidInput(
            "model",
            f"No departure of {model!r} from the standard is known.{meant} Leave --model out to"
            f" read it by the standard; known are {', '.join(titles)}.",
        )
    return quirk


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise InvalidInput("time", f"{text!r} is no date and time (ISO 8601)") from error
