"""Records of the compacted topic registry.v1: who wears which device, how a patient is watched.

Keys are ``patient/{patient_id}``, ``device/{device_id}``, ``book/{name}`` and ``rota/{programme}``
(rota.py); an empty value removes. Patients are pseudonyms: no name, birth date or record number
ever enters the registry.
"""

from typing import Literal

import msgspec

from schemas.rota import RotaEntry
from schemas.wire import MAJOR_VERSION

ENTRY_BYTES_MAX = 1_000_000
"""Longer no record may be. Kafka takes a little more (1 MiB) unless somebody set it otherwise."""

BOOK_KEY = "book/"
DEVICE_KEY = "device/"
PATIENT_KEY = "patient/"
SHIPPED_BOOKS = ("adult-diabetes", "adult-standard", "oncology-antivegf", "pregnancy-postpartum")
"""Names of the rule books that come along: patients are under them before any is put in force."""

Role = Literal["physician", "nurse", "assistant"]
"""Who may do what with a limit depends on it."""


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device, or one of its user slots, belongs to a patient from (inclusive) until (exclusive).

    ``user_slot`` None: the whole device, whatever slot it reports. A person chose that.
    """

    assignment_id: str
    patient_id: str
    valid_from_ms: int
    valid_until_ms: int | None = None
    user_slot: int | None = None


class DeviceEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="device", tag_field="kind"):
    """A registered device with every assignment it ever had."""

    device_id: str
    address: str
    model: str = ""
    assignments: list[Assignment] = []
    version: int = MAJOR_VERSION


class PersonalLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a limit of the patient's books is for this patient, from (inclusive) until (exclusive).

    ``values``: one amount a unit, ``["170 mmHg"]``, ``["60 mg/dL", "3.3 mmol/L"]``. Chosen by the
    time of measurement; where two are in force, the one that was entered last.
    """

    name: str
    values: list[str]
    author: str
    role: Role
    reason: str
    valid_from_ms: int
    valid_until_ms: int | None = None
    entered_at_ms: int = 0


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a vital is measured: windows of the patient's local time, ``("06:00", "11:00")``."""

    vital: str
    windows: list[tuple[str, str]]
    grace_min: int = 120


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time in which nothing is expected of the patient; ``until_ms`` None: for the time being."""

    from_ms: int
    until_ms: int | None = None
    reason: str = ""


class ZonePeriod(msgspec.Struct, frozen=True, omit_defaults=True):
    """The IANA time zone in which the patient lives from an instant on.

    ``entered_at_ms``: when somebody said so; what was measured before keeps the days that it had.
    """

    from_ms: int
    zone: str
    entered_at_ms: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """Of zones that have begun the greatest holds: of two for one time that entered last."""
        return self.from_ms, self.entered_at_ms


class PatientEntry(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="patient", tag_field="kind"
):
    """A patient as the rules and the page need them.

    ``zone`` is the IANA time zone where none of ``zones`` applies yet. ``therapy_start_ms``: the
    first dose of what the baseline of a rule is to be compared with. ``under_13``: no book for
    adults may watch the patient.
    """

    patient_id: str
    pseudonym: str
    books: list[str] = []
    zone: str = "UTC"
    care_plan_from_ms: int = 0
    simulated: bool = False
    version: int = MAJOR_VERSION
    limits: list[PersonalLimit] = []
    schedules: list[Schedule] = []
    pauses: list[Pause] = []
    zones: list[ZonePeriod] = []
    therapy_start_ms: int | None = None
    under_13: bool = False

    def zone_at(self, at_ms: int) -> str:
        """Name the time zone in which the patient lives at an instant, UTC ms."""
        begun = [period for period in self.zones if period.from_ms <= at_ms]
        last = max(begun, key=lambda period: period.order, default=None)
        return self.zone if last is None else last.zone


class BookLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a care plan may do with a limit of a book: one amount a unit in each list.

    ``relaxing``: the direction in which it lets more pass. ``critical``: a critical rule uses it.
    """

    name: str
    quantity: str
    value: list[str]
    lowest: list[str]
    highest: list[str]
    relaxing: Literal["up", "down"]
    critical: bool = False


class BookEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="book", tag_field="kind"):
    """A rule book in force: exactly this text, switched on by a person."""

    name: str
    text: str
    sha256: str
    who: str
    at_ms: int
    limits: list[BookLimit] = []
    from_age_years: int = 13
    version: int = MAJOR_VERSION


RegistryEntry = DeviceEntry | PatientEntry | BookEntry | RotaEntry
REGISTRY_DECODER: msgspec.json.Decoder[RegistryEntry] = msgspec.json.Decoder(RegistryEntry)


def read_entry(value: bytes) -> RegistryEntry:
    """Decode a record; raise what stands in ``UNREADABLE``, also for one that is too long."""
    if len(value) > ENTRY_BYTES_MAX:
        raise msgspec.ValidationError(f"{len(value)} bytes, of which {ENTRY_BYTES_MAX} are read")
    return REGISTRY_DECODER.decode(value)
