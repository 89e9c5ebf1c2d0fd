"""`vitalwire demo`: everything on one machine."""

import sys
from pathlib import Path

import click

_EPILOG = "Simulated patients are no patients, and Vitalwire is no emergency service."


@click.command(epilog=_EPILOG)
@click.option("--homes", default=20, show_default=True, help="How many simulated homes.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.01, max=100.0),
    help="How often patients measure; 1: about every 12 s per device. Clocks stay on wall time.",
)
@click.option("--seed", default=1, show_default=True, help="Draws patients, values and times.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Where the page is; 0: a free port.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where data and logs are kept; without it a temporary directory that goes at the end.",
)
@click.option("--adapter", help="A trial with real devices on this Bluetooth adapter, like hci0.")
@click.option("--check", is_flag=True, help="No page for you: run for half a minute and count.")
@click.option("--json", "as_json", is_flag=True, help="With --check: the summary as JSON.")
def demo(  # noqa: PLR0913 - one per option
    *,
    homes: int,
    speed: float,
    seed: int,
    port: int,
    data: Path | None,
    adapter: str | None,
    check: bool,
    as_json: bool,
) -> None:
    r"""Run servers, daemons and simulated homes on this machine; show the page's address.

    All patients are simulated, except with --adapter. Ctrl-C ends everything.

    \b
    vitalwire demo --homes 5 --speed 4 --seed 7
    vitalwire demo --check
    vitalwire demo --adapter hci0 --data ./trial
    """
    if as_json and not check:
        raise click.UsageError("--json belongs to --check.")
    if adapter is not None:
        if check:
            raise click.UsageError("--check counts simulated devices; it takes no --adapter.")
        from simulators.demo.trial import TrialSettings, run_trial

        run_trial(TrialSettings(adapter, port, data))
        return
    from simulators.demo.run import DemoSettings, run_demo

    if not check:
        run_demo(DemoSettings(homes, speed, seed, port, data))
        return
    from simulators.demo.check import run_check

    settings = DemoSettings(homes, speed, seed, port=0, data=data)
    sys.exit(0 if run_check(settings, as_json=as_json) else 1)
