"""Records of the compacted topic registry.v1: who wears which device, and how a patient is watched.

Keys are ``patient/{patient_id}`` and ``device/{device_id}``; an empty value removes. Patients are
pseudonyms: no name, birth date or record number ever enters the registry.
"""

import msgspec

from schemas.wire import MAJOR_VERSION

DEVICE_KEY = "device/"
PATIENT_KEY = "patient/"


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


class PatientEntry(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="patient", tag_field="kind"
):
    """A patient as the rules and the page need them. ``zone`` is an IANA time zone."""

    patient_id: str
    pseudonym: str
    books: list[str] = []
    zone: str = "UTC"
    care_plan_from_ms: int = 0
    simulated: bool = False
    version: int = MAJOR_VERSION


RegistryEntry = DeviceEntry | PatientEntry
REGISTRY_DECODER: msgspec.json.Decoder[RegistryEntry] = msgspec.json.Decoder(RegistryEntry)
