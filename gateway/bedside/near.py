"""What is near, as it is shown to a person who listens, and how they choose from it."""

import asyncio
import shutil
import sys
from collections.abc import Callable

import click

from gateway.admission.advert import Advert
from gateway.bedside import words
from gateway.bedside.questions import answered
from gateway.bedside.scan import listen
from gateway.bedside.table import Cell, shown_width, table

_DISTANCE_COLOURS = {"very near": "green", "near": "green", "far": "yellow"}


def listen_to(
    adapter: str,
    listen_s: float,
    judge: Callable[[Advert], Advert],
    *,
    everything: bool,
    quiet: bool = False,
) -> list[Advert]:
    """Listen, showing on a terminal what is heard and how long it still takes.

    ``judge`` adds what this gateway knows of a device.
    """
    dumb = click.get_current_context().color is False  # it has no cursor to be moved either
    live = sys.stdout.isatty() and not quiet and not dumb
    shown: list[Advert] = []
    lines = 0

    def tell(heard: list[Advert], left_s: float) -> None:
        nonlocal shown, lines
        shown = [judge(one) for one in heard if everything or one.ours]
        if live:
            text = _fitting(_adverts(shown), f"Listening… {left_s:.0f} s (Ctrl-C ends it)")
            click.echo(_up(lines) + "\n".join(text))
            lines = _height(text)

    try:
        heard = asyncio.run(listen(adapter, listen_s, tell))
        shown = [judge(one) for one in heard if everything or one.ours]
    except KeyboardInterrupt:
        pass
    if live or (shown and not quiet):
        click.echo(_up(lines) + "\n".join(_adverts(shown)))
    return shown


def choose(adapter: str, listen_s: float, judge: Callable[[Advert], Advert]) -> str | None:
    """Let the person choose what to pair by its number; None if they do not want to."""
    click.echo(f"{words.HOW_TO_PAIR}\nListening for {listen_s:g} s.")
    near = listen_to(adapter, listen_s, judge, everything=False)
    if not near:
        click.echo("No device is heard. Is it in pairing mode, and within a few metres?")
        return None
    unpaired = [number for number, one in enumerate(near, 1) if one.wants_pairing]

    def question() -> int:
        chosen: int = click.prompt(
            "Pair which? (its number; 0 for none)",
            type=click.IntRange(0, len(near)),
            default=unpaired[0] if len(unpaired) == 1 else 0,
        )
        return chosen

    answer = answered(question, "Give the device's address: `sudo vitalwire gateway pair ADDRESS`.")
    if not answer:
        return None
    chosen = near[answer - 1]
    click.echo(words.how_to_pair(name=chosen.name))
    return chosen.address


def columns() -> int | None:
    """Give how wide the terminal is; None: it is none, and lines may be as long as they are."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitting(adverts: list[str], last: str) -> list[str]:
    """Leave out what would scroll away: a cursor does not come back to it."""
    room = shutil.get_terminal_size().lines - 1
    while adverts and _height([*adverts, last]) > room:
        del adverts[-1]
    return [*adverts, last]


def _height(lines: list[str]) -> int:
    """Count the lines of a terminal that these take."""
    wide = max(1, shutil.get_terminal_size().columns)
    return sum(max(1, -(-shown_width(click.unstyle(line)) // wide)) for line in lines)


def _up(lines: int) -> str:
    """Go up that many lines and clear what is below (ECMA-48 CUU, ED)."""
    return f"\x1b[{lines}A\x1b[J" if lines else ""


def _adverts(heard: list[Advert]) -> list[str]:
    if not heard:
        return []
    rows: list[list[Cell | str]] = []
    for number, one in enumerate(heard, 1):
        far = words.distance(one.rssi_dbm)
        rows.append(
            [
                str(number),
                one.name or "–",
                words.kind(one),
                Cell(far, _DISTANCE_COLOURS.get(far, "red")),
                Cell(words.pairing_mode(one), "yellow" if one.wants_pairing else "green"),
                str(one.records) if one.records is not None else "–",
                one.address,
            ]
        )
    head = ("#", "Device", "Measures", "Heard", "State", "Holds", "Address")
    return list(table(head, rows, columns()))
