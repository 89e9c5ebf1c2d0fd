"""A small demo whose seeded plans have been lived through, for tests that measure on their own."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from simulators.demo import truth
from simulators.demo.clinic import ChooseServers, embedded_servers
from simulators.demo.narrator import Narrator
from simulators.demo.run import DemoSettings, Running, running_demo
from simulators.patients import pressure
from simulators.residents import GAP_S_MIN
from simulators.stack.directory import stack_directory

WITHIN_S = 45.0
QUIET_HOME = 1
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_pulses = count(50)  # makes every measurement's bytes its own


@contextmanager
def lived_demo(choose: ChooseServers = embedded_servers) -> Iterator[Running]:
    """Two homes that have had their first alert; nobody measures any more but by ``measure``."""
    with stack_directory() as directory:
        settings = DemoSettings(homes=2, seed=3, port=0, data=directory)
        with running_demo(settings, Narrator(), choose) as running:
            assert running.step_until(lambda: bool(alerts(running)), WITHIN_S), "no alert came"
            truth.stop_measuring(running.neighbourhood.controls)
            yield running


def alerts(demo: Running) -> list[dict[str, str]]:
    """The alert list as the page's API gives it."""
    with urllib.request.urlopen(f"{demo.clinic.url}api/v1/alerts", timeout=5) as reply:
        cards: list[dict[str, str]] = json.load(reply)["cards"]
    return cards


def measure(demo: Running, systolic: int, diastolic: int) -> str:
    """Let the quiet home's cuff measure; give the words the page will show.

    Not at once: a device stamps whole seconds, closer measurements could not be told in order.
    """
    control = demo.neighbourhood.controls[QUIET_HOME]
    last = max((entry.at for entry in control.status().taken), default=LONG_AGO)
    gap = timedelta(seconds=GAP_S_MIN)
    assert demo.step_until(lambda: datetime.now(UTC) - last > gap, WITHIN_S)
    control.measure(pressure(systolic, diastolic, next(_pulses)))
    return f"{systolic}/{diastolic} mmHg"


def is_on_the_page(demo: Running, value: str) -> bool:
    patient_id = demo.neighbourhood.plans[QUIET_HOME].patient_id
    try:
        cards = alerts(demo)
    except OSError:  # the page's own daemon is away
        return False
    return any(card["patient_id"] == patient_id and value == card["what"] for card in cards)
