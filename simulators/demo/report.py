"""Prints the check's summary: a table for people, one line of JSON for programs."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from rich.console import Console
from rich.table import Table

from simulators.demo.verdict import Verdict

_PROBLEMS_SHOWN = 20
_HOW_MEASURED = (
    "Hand-over to page: from the device's own proof that the gateway has the reading until the"
    " alert event reached a client of the page's stream; one machine, one clock."
)


def print_json(verdict: Verdict, crashes: Sequence[str]) -> None:
    """Write every number and every problem as one JSON object."""
    numbers: dict[str, object] = {"well": verdict.well, **asdict(verdict)}
    del numbers["latencies_ms"]
    numbers |= {
        "hand_over_to_page_p50_ms": verdict.latency_ms(50),
        "hand_over_to_page_p99_ms": verdict.latency_ms(99),
        "hand_over_to_page_samples": len(verdict.latencies_ms),
        "crashes": list(crashes),
    }
    sys.stdout.write(msgspec.json.encode(numbers).decode() + "\n")


def print_table(verdict: Verdict, crashes: Sequence[str]) -> None:
    """Write the numbers, then what crashed and what is wrong, then the judgement."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("readings taken on devices", verdict.taken),
        ("readings handed over", verdict.handed_over),
        ("still on a device", verdict.taken - verdict.handed_over),
        ("stored in the database", verdict.stored),
        ("… of so many vitals", verdict.vitals),
        ("rejected", verdict.rejected),
        ("without a patient", verdict.unassigned),
        ("in flight", verdict.in_flight),
        ("alert events expected", verdict.expected),
        ("alert events raised", verdict.raised),
        ("hand-over to page, p50", _milliseconds(verdict.latency_ms(50))),
        ("hand-over to page, p99", _milliseconds(verdict.latency_ms(99))),
        ("… of so many alert events", len(verdict.latencies_ms)),
    ):
        table.add_row(name, str(value))
    console.print(table)
    console.print(_HOW_MEASURED)
    for crash in crashes:
        console.print(f"crashed: {crash}", markup=False)
    for problem in verdict.problems[:_PROBLEMS_SHOWN]:
        console.print(f"wrong: {problem}", markup=False)
    if len(verdict.problems) > _PROBLEMS_SHOWN:
        console.print(f"… and {len(verdict.problems) - _PROBLEMS_SHOWN} more (see --json)")
    console.print("All is well." if verdict.well else "Something is wrong.")


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
