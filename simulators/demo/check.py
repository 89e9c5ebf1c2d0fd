"""The demo without a spectator: lets patients measure, stops them, waits, counts, and judges."""

import sys
import time
from dataclasses import asdict

import msgspec
from rich.console import Console
from rich.table import Table

from schemas.errors import UnavailableError
from simulators.demo import truth
from simulators.demo.narrator import Narrator
from simulators.demo.run import DemoSettings, Running, interruptible, running_demo
from simulators.demo.verdict import Verdict, judge

MEASURE_S = 24.0
DRAIN_WITHIN_S = 12.0
_HOMES_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.5
_PROBLEMS_SHOWN = 20


def run_check(settings: DemoSettings, *, as_json: bool) -> bool:
    """Run the check and print its summary; True if every reading and every alert is right.

    Raises ``VitalwireError`` if it could not be run.
    """
    narrator = Narrator()
    with interruptible(), running_demo(settings, narrator) as demo:
        verdict = _observe(demo)
        if not verdict.well:
            demo.place.keep()
            narrator.say(f"Logs are kept in {demo.place.directory}")
        if as_json:
            sys.stdout.write(msgspec.json.encode(_numbers(verdict)).decode() + "\n")
        else:
            _print(verdict, demo.crashes)
        return verdict.well


def _observe(demo: Running) -> Verdict:
    with demo.narrator.step(f"patients measured for {MEASURE_S:.0f} s"):
        deadline_s = time.monotonic() + MEASURE_S
        while time.monotonic() < deadline_s:
            demo.step()
    _wait_for_gateways(demo)
    controls = demo.neighbourhood.controls
    truth.stop_measuring(controls)
    with demo.narrator.step("what was under way has arrived"):
        return _drain(demo)


def _wait_for_gateways(demo: Running) -> None:
    """On a slow machine the last gateways may still be starting."""
    deadline_s = time.monotonic() + _HOMES_WITHIN_S
    wanted = len(demo.neighbourhood.plans)
    while demo.neighbourhood.gateways_started < wanted:
        demo.step()
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"Only {demo.neighbourhood.gateways_started} of {wanted} homes came up.",
                f"See {demo.clinic.logs}, or try fewer with --homes.",
            )


def _drain(demo: Running) -> Verdict:
    """Look until all is well and nothing waits on a device any more, or the time is over."""
    deadline_s = time.monotonic() + DRAIN_WITHIN_S
    while True:
        pending, verdict = _look(demo)
        if (verdict.well and not pending) or time.monotonic() > deadline_s:
            return verdict
        until_s = time.monotonic() + _LOOK_EVERY_S
        while time.monotonic() < until_s:
            demo.step()


def _look(demo: Running) -> tuple[int, Verdict]:
    """Compare as things stand; also how many payloads still wait on the devices."""
    homes = truth.ask_homes(demo.neighbourhood.controls)
    clinic = demo.clinic
    seen_ms = demo.screen.seen_ms
    evidence = truth.gather(
        demo.neighbourhood.plans, homes, clinic.postgres.url, clinic.kafka.bootstrap, seen_ms
    )
    return sum(home.pending for home in homes), judge(evidence)


def _numbers(verdict: Verdict) -> dict[str, object]:
    numbers = asdict(verdict)
    del numbers["latencies_ms"]
    return {
        "well": verdict.well,
        **numbers,
        "latency_p50_ms": verdict.latency_ms(50),
        "latency_p99_ms": verdict.latency_ms(99),
        "latency_samples": len(verdict.latencies_ms),
    }


def _print(verdict: Verdict, crashes: list[str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    samples = len(verdict.latencies_ms)
    for name, value in (
        ("readings taken on devices", verdict.taken),
        ("readings handed over", verdict.handed_over),
        ("stored in the database", verdict.stored),
        ("rejected", verdict.rejected),
        ("without a patient", verdict.unassigned),
        ("in flight", verdict.in_flight),
        ("alert events expected", verdict.expected),
        ("alert events raised", verdict.raised),
        ("p50 hand-over to page", _milliseconds(verdict.latency_ms(50))),
        ("p99 hand-over to page", _milliseconds(verdict.latency_ms(99))),
    ):
        table.add_row(name, str(value))
    console.print(table)
    console.print(
        f"Hand-over to page, {samples} alert events: from the device's proof that the gateway has"
        " the reading until the event reached a client of the page's stream, one machine's clock."
    )
    for crash in crashes:
        console.print(f"crashed: {crash}", markup=False)
    for problem in verdict.problems[:_PROBLEMS_SHOWN]:
        console.print(f"wrong: {problem}", markup=False)
    if len(verdict.problems) > _PROBLEMS_SHOWN:
        console.print(f"… and {len(verdict.problems) - _PROBLEMS_SHOWN} more")
    console.print("All is well." if verdict.well else "Something is wrong.")


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
