"""The one exception of the codecs."""

from schemas.errors import InvalidInput


class MalformedPayload(InvalidInput):
    """The device's fault: these bytes cannot be the characteristic they claim to be.

    The detail is one sentence that names the characteristic and the field. Nothing is lost: the
    caller keeps the raw bytes and sends them on with this sentence as the reason.
    """

    def __init__(self, detail: str) -> None:
        """Say what is wrong with the bytes."""
        super().__init__("malformed-payload", detail)


class TooShort(MalformedPayload):
    """The bytes end before a field, or within it."""

    def __init__(self, characteristic: str, length: int, field: str, first: int, end: int) -> None:
        """Name the field and its bytes, from ``first`` until ``end`` (exclusive)."""
        there = "1 byte is" if length == 1 else f"{length} bytes are"
        needed = f"byte {first}" if end == first + 1 else f"bytes {first} to {end - 1}"
        super().__init__(f"{characteristic}: {there} too few for {field} ({needed})")
