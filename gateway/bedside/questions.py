"""Questions to a person while Bluetooth goes on: the event loop waits for the keyboard too.

click's own prompts block: bluetoothd would get no answer meanwhile, and a thread that waits for a
key keeps Ctrl-C from ending the command.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import click

from schemas.errors import MisconfiguredError

T = TypeVar("T")
PASSKEY_DIGITS = 6
PASSKEY_FORM = "Write all six digits and nothing else, such as 012345."


def answered(question: Callable[[], T], otherwise: str) -> T:
    """Ask one of click's questions before Bluetooth begins.

    Raises ``MisconfiguredError`` with what to do ``otherwise`` where nobody is there to answer.
    """
    try:
        return question()
    except click.Abort as error:
        if sys.stdin.isatty():  # they pressed Ctrl-C
            raise
        click.echo()
        raise MisconfiguredError(
            "Nobody is there to answer; nothing was done.", otherwise
        ) from error


def passkey_of(typed: str) -> int | None:
    """Read six digits as people copy them from a display; None if they are not six."""
    digits = typed.replace(" ", "").replace("-", "")
    if len(digits) == PASSKEY_DIGITS and digits.isascii() and digits.isdecimal():
        return int(digits)
    return None


async def ask_passkey() -> int | None:
    """Ask for the digits that the device shows; None if they gave up."""
    while True:
        line = await _ask("Six digits, on the device's display or label")
        if line is None:
            return None
        if (passkey := passkey_of(line)) is not None:
            return passkey
        click.echo(PASSKEY_FORM)


async def ask_same(passkey: int) -> bool:
    """Ask whether the device shows these digits; no if they gave up."""
    line = await _ask(f"Does the device show {passkey:06}? [y/n]")
    return line is not None and line.lower() in {"y", "yes"}


async def _ask(question: str) -> str | None:
    """Give what was typed; None at the end of the input."""
    click.echo(f"{question}: ", nl=False)
    line = await (_typed() if sys.stdin.isatty() else _piped())
    if not line:
        click.echo()
        return None
    return line.strip()


async def _typed() -> str:
    """Wait for a line at a terminal, which hands over whole lines."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


async def _piped() -> str:
    """Wait for a line of a program, part of which may be in Python's buffer already."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def give(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        text = sys.stdin.readline()
        with suppress(RuntimeError):  # the loop is closed: the device has given up meanwhile
            loop.call_soon_threadsafe(give, text)

    threading.Thread(target=read, name="input", daemon=True).start()
    return await line
