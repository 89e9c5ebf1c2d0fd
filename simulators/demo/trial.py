"""A trial with real devices: this machine's Bluetooth instead of simulated homes, one patient."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.bedside.options import STATE_VARIABLE
from gateway.bluetooth.pairing import paired_devices
from schemas.clock import SystemClock
from schemas.errors import UnavailableError
from schemas.servers import MQTT_VARIABLE
from simulators.demo.clinic import VITALWIRE, Clinic, page_port
from simulators.demo.enrolment import enrol_trial
from simulators.demo.narrator import Narrator
from simulators.demo.place import demo_place
from simulators.demo.run import STEP_S, interruptible
from simulators.demo.supervisor import Supervisor
from simulators.peripherals.clock import utc
from simulators.stack.process import Child, Program

_GATEWAY_ID = "trial"
_LOOK_FOR_DEVICES_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """What the command line says; see ``DemoSettings``."""

    adapter: str
    port: int
    data: Path | None


def run_trial(settings: TrialSettings) -> None:
    """Run until Ctrl-C or SIGTERM; raises ``UnavailableError`` at once if there is no adapter."""
    asyncio.run(paired_devices(settings.adapter))
    narrator = Narrator()
    port = page_port(settings.port)
    rng = Random()  # it only spreads restarts
    narrator.say(f"Vitalwire trial with real devices on {settings.adapter}.")
    narrator.say("A trial is no care: nobody but you watches this page.")
    with (
        suppress(KeyboardInterrupt),  # it was asked for
        interruptible(),
        demo_place(settings.data, continued=True) as place,
        Clinic(place.directory, port, rng, narrator.say) as clinic,
        Supervisor(rng, narrator.say) as gateways,
    ):
        with narrator.step("PostgreSQL, Kafka, MQTT"):
            clinic.start_servers()
        with narrator.step("tables and topics"):
            clinic.set_up()
        clinic.start_daemons()
        gateways.start(_gateway(settings, clinic, place.directory))
        with narrator.step("bridge, sink, alert engine, page"):
            clinic.wait_for_daemons()
        kept = "goes when this ends; keep it with --data" if place.passing else "stays"
        narrator.say(f"  The page: {clinic.url}")
        narrator.say(f"  Data and logs: {place.directory} ({kept})")
        narrator.say("  Pair a device, once, in its pairing mode, from another terminal:")
        state = str(_state(place.directory))
        noted = place.note({**clinic.environment, STATE_VARIABLE: state})
        narrator.say(f"    . {noted} && vitalwire gateway pair --adapter {settings.adapter}")
        narrator.say("  Ctrl-C ends everything.")
        _live(settings.adapter, clinic, gateways, narrator)


def _gateway(settings: TrialSettings, clinic: Clinic, directory: Path) -> Child:
    words = ("gateway", "run", "--gateway-id", _GATEWAY_ID, "--state", str(_state(directory)))
    return Child(
        Program(
            name="gateway",
            command=(*VITALWIRE, *words, "--adapter", settings.adapter),
            log=clinic.logs / "gateway.log",
            environment={MQTT_VARIABLE: clinic.mqtt.url},
        )
    )


def _state(directory: Path) -> Path:
    return directory / "gateways" / _GATEWAY_ID


def _live(adapter: str, clinic: Clinic, gateways: Supervisor, narrator: Narrator) -> None:
    look_at_s = 0.0
    while True:
        clinic.step()
        gateways.step()
        if time.monotonic() >= look_at_s:
            look_at_s = time.monotonic() + _LOOK_FOR_DEVICES_EVERY_S
            with suppress(UnavailableError):  # the gateway's log and health report say it
                _take_in(adapter, clinic, narrator)
        time.sleep(STEP_S)


def _take_in(adapter: str, clinic: Clinic, narrator: Narrator) -> None:
    """Give every device that somebody has paired to the trial's patient."""
    addresses = [device.address for device in asyncio.run(paired_devices(adapter)) if device.kinds]
    for address in enrol_trial(clinic.postgres.url, addresses, utc(SystemClock())):
        narrator.say(f"  {address} is paired; its readings are the trial patient's from now on.")
