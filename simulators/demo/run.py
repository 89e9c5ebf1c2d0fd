"""Runs everything on one machine until Ctrl-C: servers, daemons, homes, gateways."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from schemas.clock import SystemClock
from simulators.demo.clinic import ChooseServers, Clinic, embedded_servers, page_port
from simulators.demo.enrolment import enrol
from simulators.demo.narrator import Narrator
from simulators.demo.neighbourhood import Neighbourhood
from simulators.demo.place import Place, demo_place
from simulators.demo.screen import Screen
from simulators.peripherals.clock import utc
from simulators.residents import Pace, draw_homes

STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the command line says. ``port`` 0 takes a free one; ``data`` None a fresh directory."""

    homes: int = 20
    speed: float = 1.0
    seed: int = 1
    port: int = 8000
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A demo under way; ``step`` must be called a few times a second."""

    place: Place
    clinic: Clinic
    neighbourhood: Neighbourhood
    screen: Screen
    narrator: Narrator

    def step(self) -> None:
        """Keep everything alive, and wait a moment."""
        self.clinic.step()
        self.neighbourhood.step()
        time.sleep(STEP_S)

    def step_until(
        self, condition: Callable[[], bool], within_s: float, every_s: float = 0.0
    ) -> bool:
        """Keep everything alive until the condition holds; False if that takes too long."""
        deadline_s = time.monotonic() + within_s
        look_at_s = 0.0
        while True:
            now_s = time.monotonic()
            if now_s >= look_at_s:
                if condition():
                    return True
                look_at_s = time.monotonic() + every_s
            if now_s > deadline_s:
                return False
            self.step()

    @property
    def crashes(self) -> list[str]:
        """What ended by itself so far."""
        return self.clinic.crashes + self.neighbourhood.crashes


@contextmanager
def running_demo(
    settings: DemoSettings, narrator: Narrator, choose: ChooseServers = embedded_servers
) -> Iterator[Running]:
    """Bring everything up; leaving the context ends it all within seconds.

    Raises ``VitalwireError`` with a cause and a way out.
    """
    plans = draw_homes(settings.seed, settings.homes, Pace(settings.speed))
    rng = Random(settings.seed)
    port = page_port(settings.port)
    with demo_place(settings.data, continued=False) as place:
        directory = place.directory
        with (
            Clinic(directory, port, rng, narrator.say, choose) as clinic,
            Neighbourhood(plans, directory, rng, narrator.say) as neighbourhood,
        ):
            with narrator.step("PostgreSQL, Kafka, MQTT"):
                clinic.start_servers()
            with narrator.step("tables and topics"):
                clinic.set_up()
            with narrator.step(f"{len(plans)} simulated patients enrolled"):
                enrol(clinic.postgres.url, plans, utc(SystemClock()))
            clinic.start_daemons()
            neighbourhood.start(clinic.mqtt.url)
            with narrator.step("bridge, sink, alert engine, page"):
                clinic.wait_for_daemons()
            screen = Screen(clinic.url, rng)
            try:
                yield Running(place, clinic, neighbourhood, screen, narrator)
            finally:
                screen.close()
                if clinic.crashes or neighbourhood.crashes:
                    place.keep()


def run_demo(settings: DemoSettings) -> None:
    """Run until Ctrl-C or SIGTERM."""
    began_s = time.monotonic()
    narrator = Narrator()
    narrator.say("Vitalwire demo. All patients here are simulated.")
    switch = _Switch()
    with (
        suppress(KeyboardInterrupt),  # it was asked for
        interruptible(),
        running_demo(settings, narrator) as demo,
    ):
        _introduce(demo, settings)
        try:
            _live(demo, switch, lambda: time.monotonic() - began_s)
        finally:
            narrator.say("Ending everything.")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does, once: what ends is not interrupted again."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _introduce(demo: Running, settings: DemoSettings) -> None:
    say = demo.narrator.say
    kept = "goes when this ends" if demo.place.passing else "stays"
    say("")
    say(f"  The page: {demo.clinic.url}  ({settings.homes} homes, all patients simulated)")
    say(f"  Data and logs: {demo.place.directory} ({kept})")
    noted = demo.place.note(demo.clinic.environment)
    say(f"  In another terminal: . {noted} && vitalwire registry list")
    say(f"  Take the database away, and put it back: kill -USR1 {os.getpid()}")
    say("  Ctrl-C ends everything.")
    say("")


def _live(demo: Running, switch: "_Switch", elapsed_s: Callable[[], float]) -> None:
    """Keep going; tell of the first alert, and of the database's absences."""
    first_alert = False
    with demo.narrator.ongoing():
        while True:
            demo.step()
            if switch.pressed():
                _toggle_database(demo)
            seen = len(demo.screen.seen_ms)
            if seen and not first_alert:
                first_alert = True
                demo.narrator.say(f"First alert on the page after {elapsed_s():.1f} s.")
            demo.narrator.update(
                f"{demo.neighbourhood.gateways_started} homes live, {seen} alert events so far"
            )


def _toggle_database(demo: Running) -> None:
    if demo.clinic.database_is_away:
        demo.clinic.put_database_back()
        demo.narrator.say("PostgreSQL is back; the sink catches up from Kafka.")
    else:
        demo.clinic.take_database_away()
        demo.narrator.say("PostgreSQL is away; alerts go on, readings wait in Kafka.")


class _Switch:
    """SIGUSR1, noted until somebody looks."""

    def __init__(self) -> None:
        self._pressed = False
        signal.signal(signal.SIGUSR1, self._press)

    def pressed(self) -> bool:
        pressed, self._pressed = self._pressed, False
        return pressed

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        self._pressed = True
