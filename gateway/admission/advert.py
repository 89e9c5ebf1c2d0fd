"""A device as it can be told from afar: what bluetoothd shows of it, before anybody connects."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from schemas.gatt import omron_advertisement, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import quirk_of
from schemas.gatt.services import SERVICES

KINDS = {uuids.full(service.number): service.title for service in SERVICES}
"""What a device measures, by the UUID of its service."""

_LIMITED_DISCOVERABLE = 0x01  # Core Specification Supplement, part A 1.3: for a short while


class Advert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device near or known. None means that it does not tell.

    ``rssi_dbm``: how strong it is heard, None if not now. ``records``: how many it holds in its
    memory, of all its users. ``pairing_mode``: whether it waits to be paired. ``admitted``: whether
    a person paired it on this gateway, or the gateway adopted it.
    """

    address: str
    name: str = ""
    kinds: tuple[str, ...] = ()
    bonded: bool = False
    rssi_dbm: int | None = None
    records: int | None = None
    pairing_mode: bool | None = None
    admitted: bool | None = None

    @property
    def ours(self) -> bool:
        """Whether this gateway could read it, by its services or by its name."""
        return bool(self.kinds) or quirk_of(name=self.name) is not None

    @property
    def wants_pairing(self) -> bool:
        """Whether this gateway would read it, were it paired by its own command."""
        return self.ours and not (self.bonded and self.admitted is not False)


def judged(one: Advert, admitted: Collection[str], *, adopted: bool) -> Advert:
    """Say of a device whether it is among the ``admitted``.

    ``adopted``: the gateway has adopted what was paired before, so whatever else is paired is not.
    """
    known = True if one.address in admitted else False if adopted else None
    return msgspec.structs.replace(one, admitted=known)


def plain(text: str) -> str:
    """Give a text that moves no cursor: what a device calls itself, anybody can choose."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def is_bonded(device: Mapping[str, Any]) -> bool:
    """Tell by the properties of a Device1 whether a key is kept; older BlueZ says only Paired."""
    return bool(device.get("Bonded", device.get("Paired")))


def advert(device: Mapping[str, Any]) -> Advert:
    """Read the properties of a Device1, as plain values."""
    offered = device.get("UUIDs", [])
    rssi = device.get("RSSI")
    told = _omron(device)
    return Advert(
        address=str(device["Address"]).upper(),
        name=plain(str(device.get("Alias", ""))),
        kinds=tuple(kind for uuid, kind in KINDS.items() if uuid in offered),
        bonded=is_bonded(device),
        rssi_dbm=None if rssi is None else int(rssi),
        records=sum(user.records for user in told.users) if told else None,
        pairing_mode=_pairing_mode(device, told),
    )


def _omron(device: Mapping[str, Any]) -> omron_advertisement.Advertisement | None:
    payload = device.get("ManufacturerData", {}).get(omron_advertisement.COMPANY)
    if payload is not None:
        with suppress(MalformedPayload):
            return omron_advertisement.decode(bytes(payload))
    return None


def _pairing_mode(
    device: Mapping[str, Any], told: omron_advertisement.Advertisement | None
) -> bool | None:
    if told is not None:
        return omron_advertisement.Flags.PAIRING_MODE in told.flags
    flags = bytes(device.get("AdvertisingFlags", b""))  # bluetoothd shows them if experimental
    return bool(flags[0] & _LIMITED_DISCOVERABLE) if flags else None
