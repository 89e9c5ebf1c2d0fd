"""How long a book may be: what is longer is refused before TOML is read.

tomllib's time grows with the square of a key's parts: one of 100,000 keeps it for minutes, and
what comes by registry.v1 would keep every engine. Books that come along have 8 KB, and lines of at
most 300 characters.
"""

import re

from alerts.rules.errors import BookError, Place

BYTES_MAX = 128 * 1024
_LINE_MAX = 4_000
_PARTS_MAX = 8
_PART = r"""(?:[\w\-]+|"[^"]*"|'[^']*')\s*"""
_DEEP = re.compile(rf"\s*\[{{0,2}}\s*{_PART}(?:\.\s*{_PART}){{{_PARTS_MAX}}}")


def refuse_length(file: str, text: str) -> None:
    """Raise ``BookError``, at the place that is too much, for what is too long to be read."""
    whole = text.encode(errors="replace")
    if len(whole) > BYTES_MAX:
        before = whole[:BYTES_MAX].decode(errors="ignore")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise BookError(
            place, f"A book has at most {BYTES_MAX:,} bytes, and here is more: make two of it."
        )
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LINE_MAX:
            raise BookError(
                Place(file, number, _LINE_MAX + 1),
                f"A line has at most {_LINE_MAX:,} characters, and this one has {len(line):,}.",
            )
        if deep := _DEEP.match(line):
            raise BookError(
                Place(file, number, deep.end()),
                f"A key has at most {_PARTS_MAX} parts; those of a book have 1 to 3.",
            )
