"""A cursor over a payload that names the field at which the bytes ran out."""

from typing import Final

from schemas.gatt.errors import TooShort


class Octets:
    """Reads a payload from its start, field by field; multi-byte integers are little-endian."""

    __slots__ = ("_characteristic", "_payload", "_position")

    def __init__(self, payload: bytes, characteristic: str) -> None:
        """Start at byte 0; ``characteristic`` is the name that errors give."""
        self._payload: Final = bytes(payload)
        self._characteristic: Final = characteristic
        self._position = 0

    def take(self, count: int, field: str) -> bytes:
        """Return the next ``count`` bytes, or raise ``MalformedPayload`` naming the field."""
        end = self._position + count
        if end > len(self._payload):
            length = len(self._payload)
            raise TooShort(self._characteristic, length, field, self._position, end)
        taken = self._payload[self._position : end]
        self._position = end
        return taken

    def uint8(self, field: str) -> int:
        """Return the next byte."""
        return self.take(1, field)[0]

    def uint16(self, field: str) -> int:
        """Return the next two bytes as an unsigned number."""
        return int.from_bytes(self.take(2, field), "little")

    def sint16(self, field: str) -> int:
        """Return the next two bytes as a signed number."""
        return int.from_bytes(self.take(2, field), "little", signed=True)

    def uint24(self, field: str) -> int:
        """Return the next three bytes as an unsigned number."""
        return int.from_bytes(self.take(3, field), "little")

    def uint32(self, field: str) -> int:
        """Return the next four bytes as an unsigned number."""
        return int.from_bytes(self.take(4, field), "little")

    def rest(self) -> bytes:
        """Return whatever is left, possibly nothing."""
        return self.take(len(self._payload) - self._position, "the rest")
