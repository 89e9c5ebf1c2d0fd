"""Where PostgreSQL is, read before anything connects, and what to say if it does not answer."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from schemas import servers
from schemas.errors import MisconfiguredError, UnavailableError


def database_url() -> str:
    """Read the environment's address; raises ``MisconfiguredError`` for one that is none."""
    url = servers.database_url()
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise MisconfiguredError(
            f"{servers.DATABASE_VARIABLE} is no connection string: {_one_line(error)}.",
            "Write it as postgresql://user@host/database.",
        ) from error
    return url


def unavailable(error: psycopg.Error) -> UnavailableError:
    """Say that the database does not do its work now, and why."""
    return UnavailableError(
        f"PostgreSQL is not available: {_one_line(error)}.",
        f"Check the server and {servers.DATABASE_VARIABLE}, then run this again.",
    )


def _one_line(error: psycopg.Error) -> str:
    """Give the first line of an error's text; libpq writes several."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
