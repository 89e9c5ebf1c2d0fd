"""A characteristic whose first byte tells which of its fields follow, as a table of fields.

What the flags make of the layout is worked out once for each value of them: history and fuzzing
decode millions of payloads, and one call of ``struct`` takes all the fields of one.
"""

import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from schemas.gatt.errors import TooShort


class Field(NamedTuple):
    """A field in its place. ``form``: of ``struct``, one value. ``flag`` None: it always comes."""

    name: str
    form: str
    flag: int | None = None


class _Plan(NamedTuple):
    """What one value of the flags means; ``pick`` puts the values into the order of the fields."""

    size: int
    unpack_from: Callable[[bytes], tuple[Any, ...]]
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Layout(dict[int, _Plan]):
    """The fields behind the flags; little-endian, without gaps. It maps flags to their plan."""

    def __init__(self, characteristic: str, *fields: Field) -> None:
        """``characteristic`` is the name that errors give."""
        super().__init__()
        self._characteristic = characteristic
        self._fields = fields

    def unpack(self, payload: bytes) -> tuple[Any, ...]:
        """Give the flags, each field's value in order (None: not announced), and what is left over.

        Raises ``MalformedPayload``, which names the field at which the bytes ran out.
        """
        if not payload:
            raise self._too_short(payload)
        size, unpack_from, pick = self[payload[0]]
        if len(payload) < size:
            raise self._too_short(payload)
        return pick((*unpack_from(payload), payload[size:], None))

    def __missing__(self, flags: int) -> _Plan:
        announced = [_is_announced(field, flags) for field in self._fields]
        form = "<B" + "".join(
            field.form for field, comes in zip(self._fields, announced, strict=True) if comes
        )
        places = [sum(announced[:number]) + 1 for number in range(len(announced))]
        order = [place if comes else -1 for place, comes in zip(places, announced, strict=True)]
        packer = struct.Struct(form)
        plan = self[flags] = _Plan(packer.size, packer.unpack_from, itemgetter(0, *order, -2))
        return plan

    def _too_short(self, payload: bytes) -> TooShort:
        """Name the first field that has no room."""
        first, end, name = 0, 1, "the flags"
        fields = iter(self._fields)
        while end <= len(payload):
            field = next(fields)
            if _is_announced(field, payload[0]):
                first, end, name = end, end + struct.calcsize("<" + field.form), field.name
        return TooShort(self._characteristic, len(payload), name, first, end)


def _is_announced(field: Field, flags: int) -> bool:
    return field.flag is None or bool(flags & field.flag)
