"""The one place that reads clocks.

``monotonic_ms`` is CLOCK_BOOTTIME: it runs through suspend, never jumps and starts near zero at
boot, so (boot id, monotonic) orders captures on a Raspberry Pi that has no battery-backed clock.
"""

import ctypes
import struct
import time
from pathlib import Path
from typing import Protocol

_STA_UNSYNC = 0x40  # linux/timex.h: the kernel clock is not disciplined by anybody
_TIMEX_BYTES = 208  # struct timex of 64-bit Linux
_TIMEX_STATUS_OFFSET = 40
_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What a shell needs to know of time; tests pass one that they move by hand."""

    @property
    def boot_id(self) -> str:
        """Name of this boot of the machine: 32 hex digits."""

    def monotonic_ms(self) -> int:
        """Milliseconds since this boot."""

    def wall_ms(self) -> int:
        """UTC in milliseconds since 1970, whether or not anybody has set the clock."""

    def synchronised(self) -> bool:
        """Whether something (NTP) keeps the wall clock true."""


class SystemClock:
    """The clocks of this machine."""

    def __init__(self) -> None:
        """Read the boot id once: it cannot change while this process lives."""
        self._boot_id = _BOOT_ID_PATH.read_text().strip().replace("-", "")
        self._libc = ctypes.CDLL(None, use_errno=True)

    @property
    def boot_id(self) -> str:
        """Name of this boot of the machine: 32 hex digits."""
        return self._boot_id

    def monotonic_ms(self) -> int:
        """Milliseconds since this boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wall_ms(self) -> int:
        """UTC in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def synchronised(self) -> bool:
        """Ask the kernel (adjtimex, read only) whether its clock is disciplined."""
        timex = ctypes.create_string_buffer(_TIMEX_BYTES)
        if self._libc.adjtimex(timex) < 0:
            return False
        (status,) = struct.unpack_from("i", timex, _TIMEX_STATUS_OFFSET)
        return not status & _STA_UNSYNC
