"""Errors that say whose fault it is and what to do about it.

Every error carries a ``cause`` (what happened, in one sentence) and a ``way_out`` (what the person
who reads it can do). A command line prints exactly these two and exits; it never shows a traceback.
"""

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that others wrote: text that is no UTF-8, and what is nested without
end, have no error of its own."""


class VitalwireError(Exception):
    """Root of everything that Vitalwire raises on purpose; any other exception is a bug."""

    exit_code = 1

    def __init__(self, cause: str, way_out: str = "") -> None:
        """Keep the cause and the way out apart, so that each can be shown in its place."""
        super().__init__(f"{cause} {way_out}".strip())
        self.cause = cause
        self.way_out = way_out

    @property
    def sentences(self) -> tuple[str, ...]:
        """Give what a command line prints, a line each."""
        return (str(self),)


class InvalidInput(VitalwireError):
    """The sender's fault: the input is rejected, counted and kept; the reader goes on."""

    exit_code = 2

    def __init__(self, reason: str, detail: str = "") -> None:
        """Name the reason (a short, stable word for metrics) and the detail (a sentence)."""
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class MisconfiguredError(VitalwireError):
    """The operator's fault: a port in use, a missing permission, a wrong option."""

    exit_code = 78  # EX_CONFIG of sysexits.h: a supervisor need not restart what cannot work


class UnavailableError(VitalwireError):
    """Nobody's fault: a server or a device does not answer now. Nothing was lost; retry."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: worth another try
