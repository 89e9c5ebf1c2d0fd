"""What is known at this gateway, for people who stand before it: on loopback, never sent.

It has addresses and names of devices, and no values: who is at the gateway must tell one cuff from
another, and needs no reading for it.
"""

import msgspec

from gateway.admission.advert import Advert
from gateway.record import Salvaged
from schemas.reading import Capture


class LiveDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """An admitted device as the daemon knows it.

    ``last_seen_s``: seconds since it was last heard, None if not in this run. ``failures``: visits
    that failed in a row.
    """

    address: str
    last_seen_s: int | None = None
    battery_percent: int | None = None
    battery_low: bool = False
    failures: int = 0


class LiveStranger(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device that nobody paired here, as it was last heard, ``last_seen_s`` seconds ago."""

    advert: Advert
    last_seen_s: int


class Live(msgspec.Struct, frozen=True, omit_defaults=True):
    """The daemon now; ``problems`` is empty when it does all of its work."""

    gateway_id: str
    software: str
    connected: bool
    """Whether the MQTT broker is connected."""
    adapters: tuple[str, ...] = ()
    problems: list[str] = []
    stuck: int = 0
    refused: dict[str, int] = {}
    """What was refused since the daemon started, by reason."""
    devices: list[LiveDevice] = []
    strangers: list[LiveStranger] = []


class Oldest(msgspec.Struct, frozen=True):
    """The oldest row without receipt."""

    seq: int
    stream: str
    capture: Capture


class JournalStatus(msgspec.Struct, frozen=True):
    """``held`` rows wait for a receipt, ``receipted`` ones are kept for a while.

    ``unattributed`` notifications have no row yet: see ``gateway.journal.anteroom``.

    ``file_bytes`` counts the write-ahead log too. ``damaged`` rows are not what was written, and
    are not sent. ``salvages``: how far journals that were set aside are brought in, by file.
    """

    held: int
    receipted: int
    streams: int
    file_bytes: int
    oldest: Oldest | None = None
    unattributed: int = 0
    damaged: int = 0
    salvages: dict[str, Salvaged] = {}


class DeviceRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An admitted device; None: not known, or never."""

    address: str
    name: str
    by: str
    admitted_ms: int | None = None
    model: str | None = None
    last_reading_s: int | None = None
    """How long ago its last measurement came."""
    last_reading_at_least: bool = False
    """Whether that is only how long this machine runs: it came before, and no clock tells when."""
    outlived_readings: bool = False
    """Whether it was paired for longer than readings are kept here: one may have come and gone."""
    last_seen_s: int | None = None
    battery_percent: int | None = None
    battery_low: bool = False
    """By its own newest record."""
    failures: int = 0


class Overview(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything; ``live`` is None if no daemon answers, ``journal`` if there is none yet."""

    devices: list[DeviceRow] = []
    live: Live | None = None
    journal: JournalStatus | None = None
    oldest_waiting_s: int | None = None
    """How long the oldest reading without a receipt has waited."""
    unpaired: list[str] = []
    """Forgotten by a person, while bluetoothd may hold the pairing yet."""
