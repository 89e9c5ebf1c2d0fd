"""What PostgreSQL's errors come to for the person who reads them; libpq writes several lines."""

from schemas.errors import MisconfiguredError, UnavailableError
from schemas.servers import DATABASE_VARIABLE


def unavailable(error: BaseException, then: str) -> UnavailableError:
    """Say that the database does not do its work now, and why.

    ``then``: how the sentence about the way out ends.
    """
    return UnavailableError(
        f"PostgreSQL is not available: {one_line(error)}.",
        f"Check the server and {DATABASE_VARIABLE}{then}",
    )


def no_address(error: BaseException) -> MisconfiguredError:
    """Say that the environment's address is none."""
    return MisconfiguredError(
        f"{DATABASE_VARIABLE} is no connection string: {one_line(error)}.",
        "Write it as postgresql://user@host/database.",
    )


def one_line(error: BaseException) -> str:
    """Give the first line of an error's text, without its full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
