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
