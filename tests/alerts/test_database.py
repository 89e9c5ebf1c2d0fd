"""What whoever types a command reads if a server's address is wrong, or nobody is there."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from alerts.log import Log
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.servers import DATABASE_VARIABLE, KAFKA_VARIABLE
from schemas.topics import ALERTS
from tests.servers import broker_dies
from vitalwire import cli

NOBODY = "127.0.0.1:1"
COMMANDS = [
    "rules backtest adult-standard",
    "rules history",
    "rules activate adult-standard --by Anna",
]


def said(monkeypatch: pytest.MonkeyPatch, words: str, database: str) -> BaseException | None:
    monkeypatch.setenv(DATABASE_VARIABLE, database)
    monkeypatch.setenv(KAFKA_VARIABLE, NOBODY)
    return CliRunner().invoke(cli, words.split()).exception


@pytest.mark.parametrize("words", [*COMMANDS, "alerts projector"])
@pytest.mark.parametrize("address", ["nonsense", "postgresql://u@h:port=x%zz/d"])
def test_an_address_that_is_none_is_said_with_how_to_write_it(
    monkeypatch: pytest.MonkeyPatch, words: str, address: str
) -> None:
    error = said(monkeypatch, words, address)
    assert isinstance(error, MisconfiguredError)
    assert str(error).startswith(f"{DATABASE_VARIABLE} is no connection string: ")
    assert error.way_out == "Write it as postgresql://user@host/database."


@pytest.mark.parametrize("words", COMMANDS)
def test_a_database_that_does_not_answer_is_one_line_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    error = said(monkeypatch, words, f"postgresql://vitalwire@{NOBODY}/vitalwire")
    assert isinstance(error, UnavailableError)
    assert error.cause.endswith("Connection refused.")
    assert error.way_out == f"Check the server and {DATABASE_VARIABLE}, then run this again."


def test_a_replay_without_kafka_does_not_say_that_it_tries_again() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vitalwire", "alerts", "replay", "3f2a"],
        env=os.environ | {KAFKA_VARIABLE: NOBODY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == UnavailableError.exit_code
    said = done.stderr.strip().splitlines()[-1]
    assert NOBODY in said
    assert said.endswith(f". Check the server and {KAFKA_VARIABLE}.")


@broker_dies
def test_a_log_without_a_broker_promises_nothing_in_its_user_s_name() -> None:
    """Whether it is tried again, a daemon knows of itself, and a command that ends is not one."""
    with pytest.raises(UnavailableError) as caught:
        Log(NOBODY, (ALERTS,), "test")
    assert caught.value.way_out == f"Check the server and {KAFKA_VARIABLE}."
