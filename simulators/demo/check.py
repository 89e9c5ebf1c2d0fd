"""The demo without a spectator: lets patients measure, stops them, waits, counts, and judges."""

from schemas.errors import UnavailableError
from simulators.demo import truth
from simulators.demo.narrator import Narrator
from simulators.demo.report import print_json, print_table
from simulators.demo.run import DemoSettings, Running, interruptible, running_demo
from simulators.demo.verdict import Verdict, judge

MEASURE_S = 28.0
SETTLE_WITHIN_S = 10.0
_HOMES_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.5


def run_check(settings: DemoSettings, *, as_json: bool) -> bool:
    """Run the check and print its summary; True if every reading and every alert is right.

    Raises ``VitalwireError`` if it could not be run.
    """
    narrator = Narrator()
    with interruptible(), running_demo(settings, narrator) as demo:
        with narrator.step("patients measure"):
            demo.step_until(lambda: False, MEASURE_S)
        _wait_for_homes(demo)
        truth.stop_measuring(demo.neighbourhood.controls)
        with narrator.step("what is under way arrives"):
            verdict = settle(demo, SETTLE_WITHIN_S)
        if not verdict.well:
            demo.place.keep()
            narrator.say(f"Logs are kept in {demo.place.directory}")
        if as_json:
            print_json(verdict, demo.crashes)
        else:
            print_table(verdict, demo.crashes)
        return verdict.well


def settle(demo: Running, within_s: float) -> Verdict:
    """Look until all is well twice in a row, with nothing left on a device, or time is over.

    The second look finds what comes once too often. Nobody may be measuring any more.
    """
    well = [False]

    def settled() -> bool:
        pending, verdict = look(demo)
        well.append(verdict.well and not pending)
        return well[-1] and well[-2]

    demo.step_until(settled, within_s, every_s=_LOOK_EVERY_S)
    return look(demo)[1]


def look(demo: Running) -> tuple[int, Verdict]:
    """Compare as things stand; also how many payloads still wait on the devices."""
    homes = truth.ask_homes(demo.neighbourhood.controls)
    clinic = demo.clinic
    seen_ms = demo.screen.seen_ms
    evidence = truth.gather(
        demo.neighbourhood.plans, homes, clinic.postgres.url, clinic.kafka.bootstrap, seen_ms
    )
    return sum(home.pending for home in homes), judge(evidence)


def _wait_for_homes(demo: Running) -> None:
    """On a slow machine the last gateways may still be starting."""
    homes = demo.neighbourhood
    wanted = len(homes.plans)
    if not demo.step_until(lambda: homes.gateways_started == wanted, _HOMES_WITHIN_S):
        raise UnavailableError(
            f"Only {homes.gateways_started} of {wanted} homes came up.",
            f"See {demo.clinic.logs}, or try fewer with --homes.",
        )
