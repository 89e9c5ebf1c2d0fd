"""Where models depart from the standard: one row each, matched by what a device says of itself.

Pure data. Codecs, the collector, pairing and the simulators read the columns that concern them; a
further quirk is a row here, a variant of a simulated device, and a test named after the row.
"""

import re
from dataclasses import dataclass
from enum import Enum

from schemas.gatt.racp import FilterType


class ClockWay(Enum):
    """How a device's clock is read and set, where it has one that can be set."""

    CURRENT_TIME = "current-time"
    """0x2A2B in the Current Time Service: what the standard says."""
    DATE_TIME = "date-time"
    """0x2A08 inside the device's own service."""
    CURRENT_TIME_AFTER_NOTIFICATION = "current-time-after-notification"
    """0x2A2B, writable only once the device has notified its own time."""
    CONTOUR = "contour"
    """Ascensia's characteristic: UTC date and time, then the zone's offset in minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One departure. ``model`` and ``name`` are searched, ignoring case; either one suffices.

    ``model`` is what Device Information says, ``name`` what the device advertises; a
    ``manufacturer`` that is given must match too, if the device says one.
    """

    title: str
    source: str
    model: str | None = None
    name: str | None = None
    manufacturer: str | None = None
    big_endian_tail: bool = False
    """0x2A35: behind the timestamp a big-endian pulse, a user byte that no flag announces."""
    clock: ClockWay = ClockWay.CURRENT_TIME
    pause_before_subscribing_s: float = 0.0
    disconnect_after_bonding: bool = False
    """Pairing is complete only when the link has ended once."""
    drops_bond: bool = False
    """It forgets its side of the bond; the gateway may pair again by itself if the serial fits."""
    subscribe_to_everything: bool = False
    """Counts itself paired only if all characteristics are subscribed and time and battery told."""
    sequence_filter: FilterType = FilterType.SEQUENCE
    """How requests for records say that their operand is a sequence number."""
    advertises_unread: bool = False
    """Omron's manufacturer data (company 0x020E) tell how many records are unread."""
    leaves_early: bool = False
    """Drops the link soon after its last record, before it was asked to."""
    battery_lowest_percent: int | None = None
    """It tells its battery in steps, and none below this one was seen: taken for its "low"."""

    how_to_pair: str = ""
    """What a person does on the device to put it into pairing mode."""

    def matches(self, *, model: str | None, name: str | None, manufacturer: str | None) -> bool:
        """Tell whether a device that says this of itself is of this kind."""
        if self.manufacturer and manufacturer and not _found(self.manufacturer, manufacturer):
            return False
        return _found(self.model, model) or _found(self.name, name)


BEURER_BM = Quirk(
    title="beurer-bm",
    # The list of Beurer's own app; a BM96, for one, keeps to the standard.
    source="github.com/derdilla/blood-pressure-monitor-fl/pull/735, /pull/737, /pull/729",
    model=r"\bBM ?(48|59|85)\b|\bELITE ?900\b",
    name=r"\bBM ?(48|59|85)\b|\bELITE ?900\b",
    manufacturer="beurer",
    big_endian_tail=True,
    pause_before_subscribing_s=0.1,
)
AND_UA651 = Quirk(
    title="and-ua651",
    source=(
        "github.com/obniz/obniz src/parts/Ble/UA651BLE; github.com/weliem/blessed-bluez"
        " BluetoothHandler.java; github.com/derdilla/blood-pressure-monitor-fl/issues/724"
    ),
    model=r"\bUA-65[16]",
    name=r"^A&D_UA-65[16]",
    clock=ClockWay.DATE_TIME,
    disconnect_after_bonding=True,
    leaves_early=True,
    battery_lowest_percent=33,  # 100, 66, 40, 33
    how_to_pair="Hold its START button until the display shows Pr.",
)
OMRON = Quirk(
    title="omron",
    # Models as their Device Information says them (hass-omron 67, SpeziDevices OmronModel.swift).
    source=(
        "github.com/eigger/hass-omron/issues/7, /20, /67, /133; github.com/StanfordSpezi/"
        "SpeziDevices OmronReverseEngineering.md; github.com/weliem/blessed-android"
        " BluetoothHandler.java"
    ),
    model=r"^(HEM-|BP\d{4}\b|X[24] Smart|EVOLV\b|SC-150\b|BLEsmart_)",
    name=r"^(BLEsmart_|X[24] Smart)",
    clock=ClockWay.CURRENT_TIME_AFTER_NOTIFICATION,
    drops_bond=True,
    subscribe_to_everything=True,
    sequence_filter=FilterType.OMRON_SEQUENCE,
    advertises_unread=True,
    how_to_pair="Hold its Bluetooth button for 3 to 5 seconds, until -P- blinks.",
)
ACCU_CHEK_INSTANT = Quirk(
    title="accu-chek-instant",
    # It advertises "meter+" and digits (issue 35); other meters of its maker may do so too, and
    # lose nothing by being taken for one.
    source="github.com/weliem/blessed-android/issues/35",
    model=r"accu-chek instant",
    name=r"accu-chek instant|^meter\+",
    leaves_early=True,
)
ACCU_CHEK_GUIDE = Quirk(
    title="accu-chek-guide",
    source=(
        "github.com/NightscoutFoundation/xDrip/issues/208;"
        " github.com/innoveit/react-native-ble-manager/issues/1162"
    ),
    model=r"accu-chek guide",
    name=r"accu-chek guide",
    how_to_pair="Start pairing in its settings; it will want six digits to be typed here.",
)
CONTOUR_NEXT_ONE = Quirk(
    title="contour-next-one",
    source=(
        "github.com/weliem/blessed-android BluetoothHandler.java;"
        " github.com/NightscoutFoundation/xDrip/issues/872"
    ),
    model=r"contour",
    name=r"^contour",
    clock=ClockWay.CONTOUR,
)

QUIRKS = (BEURER_BM, AND_UA651, OMRON, ACCU_CHEK_INSTANT, ACCU_CHEK_GUIDE, CONTOUR_NEXT_ONE)


def quirk_of(
    *, model: str | None = None, name: str | None = None, manufacturer: str | None = None
) -> Quirk | None:
    """Find the row of a device; None for one that keeps to the standard as far as we know.

    What the device says of its model goes before the name that it advertises.
    """
    for said_model, said_name in ((model, None), (None, name)):
        for quirk in QUIRKS:
            if quirk.matches(model=said_model, name=said_name, manufacturer=manufacturer):
                return quirk
    return None


def quirk_titled(title: str | None) -> Quirk | None:
    """Find a row by its title."""
    return next((quirk for quirk in QUIRKS if title and quirk.title == title.lower()), None)


def _found(pattern: str | None, text: str | None) -> bool:
    return bool(pattern and text and re.search(pattern, text, re.IGNORECASE))
