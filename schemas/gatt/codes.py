"""Codes and bits from devices are open: an unknown one is a value, not a crash."""

from enum import IntEnum, IntFlag
from typing import Self

CODES_REMEMBERED = 256  # by a codec, of each kind: to ask an enum takes longer than all the rest
_OCTET_MAX = 0xFF


class Code(IntEnum):
    """A numbered code of one byte; an unassigned number becomes a member named ``CODE_<n>``."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= _OCTET_MAX:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"CODE_{value}"
        member._value_ = value
        # Kept, so that Code(9) is Code(9); setdefault, so that two threads agree. At most 256.
        known = cls._value2member_map_.setdefault(value, member)
        assert isinstance(known, cls)
        return known

    @property
    def label(self) -> str:
        """The name as other programs see it: ``bedtime``, ``code-9``."""
        return self.name.lower().replace("_", "-")


class Bits(IntFlag):
    """A bit field; bits without a name are kept (``IntFlag`` keeps them by default)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the bits that are set, lowest first; a nameless one is ``bit-<n>``."""
        names = {member.value: member.name for member in type(self)}
        bits = [1 << position for position in range(self.value.bit_length())]
        return tuple(
            (names.get(bit) or f"bit-{bit.bit_length() - 1}").lower().replace("_", "-")
            for bit in bits
            if self.value & bit
        )

    @property
    def noticed(self) -> tuple[str, ...]:
        """What a device that sends these bits says; a field of several bits is one word of it."""
        return self.labels
