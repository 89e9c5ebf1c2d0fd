"""Which vectorised decoder reads which characteristic."""

from collections.abc import Callable

from ingest.redecode import blood_pressure, glucose, glucose_context
from ingest.redecode.columns import Columns
from ingest.redecode.payloads import Payloads

DECODERS: dict[str, Callable[[Payloads], Columns]] = {
    "2a35": blood_pressure.decode,
    "2a18": glucose.decode,
    "2a34": glucose_context.decode,
}
