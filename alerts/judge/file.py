"""The lines of a log in a file, each of a bounded length, with their numbers."""

import codecs
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from schemas.errors import InvalidInput, MisconfiguredError

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Many times the largest record that Kafka takes; a line is held in memory as a whole."""
_WAY_OUT = "Give a file of JSON lines, or - for stdin."
_OF_SIXTEEN_BITS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Line = str | InvalidInput
"""Its text, without blanks around it; or why it cannot be read."""


def opened(name: str) -> AbstractContextManager[BinaryIO]:
    """Open a file, or stdin if it is called ``-``; raise ``MisconfiguredError``."""
    if name == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise MisconfiguredError(f"{name} cannot be read: {error.strerror}.", _WAY_OUT) from error


def lines(name: str, stream: BinaryIO) -> Iterator[tuple[int, Line]]:
    """Give each line that says something; notes (#) and empty lines say nothing.

    Raises ``MisconfiguredError`` if the file is in UTF-16, or cannot be read to its end.
    """
    number = 0
    try:
        while raw := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            if number == 1 and raw.startswith(_OF_SIXTEEN_BITS):
                raise MisconfiguredError(f"{name} is in UTF-16.", "Save it as UTF-8.")
            if len(raw) > LINE_BYTES_MAX:
                _skip(stream, raw)
                said = f"the line is longer than {LINE_BYTES_MAX >> 20} MiB"
                yield number, InvalidInput("too-long", said)
                continue
            text = raw.decode(errors="surrogateescape").strip().removeprefix("\ufeff")
            if text and not text.startswith("#"):
                yield number, text
    except OSError as error:
        cause = f"{name} cannot be read further than line {number}: {error.strerror}."
        raise MisconfiguredError(cause, _WAY_OUT) from error


def _skip(stream: BinaryIO, begun: bytes) -> None:
    """Read on to the end of a line of which so much was read."""
    part = begun
    while part and not part.endswith(b"\n"):
        part = stream.readline(LINE_BYTES_MAX)
