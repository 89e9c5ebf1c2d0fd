"""Whom this gateway listens to: a device counts once a person has paired it here.

BlueZ's bond is the key, without which nobody gets an encrypted link. This is the record beside it:
what a person admitted, and what the device said of itself then. Bluetooth without a display proves
no identity, so a device that comes back with another serial number is not the admitted one.
"""

from dataclasses import dataclass
from enum import Enum

from schemas.gatt.quirks import Quirk, quirk_of
from schemas.reading import Device


class AdmittedBy(Enum):
    """How a device came to be admitted."""

    PERSON = "person"
    """Somebody ran the pairing on this gateway."""
    ADOPTION = "adoption"
    """It was paired when a version that keeps this record first started."""


@dataclass(frozen=True, slots=True)
class Admission:
    """One admitted device; texts are None until the device has said them.

    ``admitted_ms``: UTC, None if no clock was kept true then. ``serial`` is the first one read and
    stays until a person pairs the device again.
    """

    address: str
    by: AdmittedBy
    name: str = ""
    admitted_ms: int | None = None
    model: str | None = None
    manufacturer: str | None = None
    serial: str | None = None


class Standing(Enum):
    """What a sighting of a device means to this gateway."""

    ADMITTED = "admitted"
    STRANGER = "nobody paired it here"
    OUTSIDER = "paired, but not by this gateway's own command"


def standing(admission: Admission | None, *, bonded: bool) -> Standing:
    """Judge a sighting."""
    if not bonded:
        return Standing.STRANGER
    return Standing.OUTSIDER if admission is None else Standing.ADMITTED


class Refusal(Enum):
    """Why a session with a device is not to be: the value is its name in metrics."""

    NOT_ADMITTED = "refused-not-admitted"
    NOT_ENCRYPTED = "refused-not-encrypted"
    SERIAL = "refused-serial"


def refusal(
    admission: Admission | None, device: Device, *, bonded: bool, repaired: bool = False
) -> Refusal | None:
    """Judge a session by what the device said, before anything is asked of it; None: welcome.

    ``bonded``: bluetoothd holds a bond with it now, hence the link is encrypted with its key
    (bluetoothd opens a link to a bonded device at security level medium). ``repaired``: that bond
    is new, and no person stood by: then only the serial number tells that it is the same device,
    and one that says none is refused.
    """
    if admission is None:
        return Refusal.NOT_ADMITTED
    if not bonded:
        return Refusal.NOT_ENCRYPTED
    said, known = device.serial, admission.serial
    if said is None or known is None:
        return Refusal.SERIAL if repaired else None
    return None if said.strip() == known.strip() else Refusal.SERIAL


def repair_quirk(admission: Admission | None) -> Quirk | None:
    """Tell whether the gateway may pair a device again by itself: the row that says so, or None.

    Judged by what the device said when it was admitted: what it says now, anybody can say. Only a
    model that is known to drop its bond each time, and only if its serial number is on record.
    """
    if admission is None or admission.serial is None:
        return None
    row = quirk_as_admitted(admission)
    return row if row is not None and row.drops_bond else None


def quirk_as_admitted(admission: Admission) -> Quirk | None:
    """Give the row of the quirk table that fits what the device said when it was admitted."""
    return quirk_of(
        model=admission.model, name=admission.name or None, manufacturer=admission.manufacturer
    )


def explain(refused: Refusal, address: str) -> str:
    """Say to a person what was refused, and the way out."""
    pair = f"run `vitalwire gateway pair {address}`"
    match refused:
        case Refusal.SERIAL:
            return (
                f"{address} says another serial number than the device that was paired here: "
                f"its readings are refused; if it was repaired or replaced, {pair}"
            )
        case Refusal.NOT_ENCRYPTED:
            return f"{address} came without the bond that was made here; {pair}"
        case Refusal.NOT_ADMITTED:
            return (
                f"{address} was paired outside this gateway's own command and is not read; {pair}"
            )
