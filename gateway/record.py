"""What the journal keeps of a notification, and what its session told about it.

``gateway.decoding.decode`` turns a record with its facts into ``schemas.reading.Item``; everything
that an item depends on is here and durable, so that a re-sent record is the same reading by the
same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.gatt import uuids
from schemas.reading import Capture, Coincidence, Device

BLOOD_PRESSURE = f"{uuids.BLOOD_PRESSURE_MEASUREMENT:04x}"
BLOOD_PRESSURE_RECORD = f"{uuids.BLOOD_PRESSURE_RECORD:04x}"
GLUCOSE = f"{uuids.GLUCOSE_MEASUREMENT:04x}"
GLUCOSE_CONTEXT = f"{uuids.GLUCOSE_MEASUREMENT_CONTEXT:04x}"
KEPT_DAYS = 30
"""How long a record stays in the journal after the server's receipt, unless space is needed."""
TWIN_WINDOW_MS = 60_000
"""The same bytes of the same device within this time are the same undated record."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What a device sent, before it has a number."""

    address: str
    characteristic: str
    payload: bytes
    session_id: str
    capture: Capture


@dataclass(frozen=True, slots=True)
class Origin:
    """The capture that lends an undated record its identity, for ever."""

    stream: str
    seq: int
    captured_ms: int


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the journal: raw bytes under their number, exactly as they came.

    ``address`` is the device's identity address, upper case; ``characteristic`` its 16-bit number
    as four lower-case hex digits.
    """

    stream: str
    seq: int
    address: str
    characteristic: str
    payload: bytes
    session_id: str
    capture: Capture
    first: Origin | None = None
    """Where it came first, if it was brought in from a journal that was set aside."""

    @property
    def origin(self) -> Origin:
        """Give the record's own capture."""
        return self.first or Origin(self.stream, self.seq, captured_ms(self.capture))


def captured_ms(capture: Capture) -> int:
    """Give a capture's wall time as far as it was known: 0 if nothing was."""
    return capture.wall_ms or capture.not_before_ms or 0


@dataclass(frozen=True, slots=True)
class Moment:
    """All clocks of the gateway, read together; ``wall_ms`` only if it was kept true."""

    boot_id: str
    monotonic_ms: int
    wall_ms: int | None


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """The device's clock as the session read it: ``local`` (no zone) at ``monotonic_ms``.

    ``monotonic_ms`` is the gateway's clock of the same boot as the session's captures.
    """

    local: datetime
    monotonic_ms: int


@dataclass(frozen=True, slots=True)
class ClockMove:
    """A device's clock jumped by ``jump_ms`` (new minus old), set by us or by somebody else.

    The old timeline showed at most ``old_until``, the new one at least ``new_since``: one moment if
    it was us. Records up to number ``last_number`` are of the old one.
    """

    jump_ms: int
    old_until: datetime
    new_since: datetime
    last_number: int | None = None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a session learnt beside the records; it grows while the session lasts.

    ``name`` is what the device advertises: some makers' departures from the standard show by it
    alone. It stays in the home, since many names end with the address. ``clock`` None: the session
    could not read the device's clock. ``moves``: how that clock was moved before, oldest first.
    ``features`` are the bits of the feature characteristics that were read, by their numbers: a
    status bit whose feature bit is absent means "not assessed". ``newest`` is the number of the
    session's newest measurement: settled once ``ended``, known before if the device called a record
    its last, and None for ever if the session broke before anybody could tell. ``undecided`` is the
    number of what was the newest unless a later session shows that the device had more.
    """

    session_id: str
    device: Device
    clock: DeviceClock | None = None
    features: Mapping[str, int] = field(default_factory=dict)
    ended: bool = False
    newest: int | None = None
    name: str | None = None
    moves: tuple[ClockMove, ...] = ()
    coincidences: tuple[Coincidence, ...] = ()
    undecided: int | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Other records that an item refers to.

    ``measurement``: for a glucose context, its measurement (same session, same sequence number).
    ``origin``: where the same bytes came first: for a glucose measurement ever, since it numbers
    itself and a meter is asked for its last known record at each visit; for others within
    ``TWIN_WINDOW_MS`` and one boot. A context has its measurement's, because a meter that counts
    anew may say the same of another measurement. None: here. ``before``: the measurement that came
    before a glucose measurement in its session; their numbers and times must agree. ``parts``: the
    rows for which a segment of a blood pressure record speaks, in their order, without itself;
    ``spoken_for``: another one speaks for this, or nobody knows yet which.
    """

    measurement: Record | None = None
    origin: Origin | None = None
    before: Record | None = None
    parts: tuple[Record, ...] = ()
    spoken_for: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with everything that ``gateway.decoding.decode`` needs."""

    record: Record
    facts: SessionFacts
    related: Related = field(default_factory=Related)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """How far a journal that was set aside is brought into the present one.

    ``unreadable``: numbers under which something may have been.
    """

    brought: int = 0
    unreadable: int = 0
    ended: bool = False
