"""Where PostgreSQL is, read before anything connects, and what to say if it does not answer."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from schemas import postgresql, servers
from schemas.errors import UnavailableError


def database_url() -> str:
    """Read the environment's address; raises ``MisconfiguredError`` for one that is none."""
    url = servers.database_url()
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise postgresql.no_address(error) from error
    return url


def unavailable(error: psycopg.Error) -> UnavailableError:
    """Say to somebody who ran a command that the database does not do its work now, and why."""
    return postgresql.unavailable(error, ", then run this again.")
