"""What is wrong at this gateway and the one next step for each, worst first."""

from dataclasses import dataclass
from enum import Enum

from gateway.admission.live import DeviceRow, Overview
from gateway.bedside import words
from gateway.record import KEPT_DAYS

SILENT_AFTER_S = 3 * 86_400
BATTERY_LOW_PERCENT = 20


class Level(Enum):
    """How bad it is."""

    PROBLEM = "problem"
    """Readings do not arrive, or may not."""
    NOTICE = "notice"
    """Somebody should know."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is not as it should be, and what to do."""

    level: Level
    what: str
    do: str = ""


def advice(overview: Overview) -> list[Advice]:
    """Judge everything that is known; empty if nothing is to be done."""
    live = overview.live
    found = []
    if live is None:
        found.append(
            Advice(
                Level.PROBLEM,
                "The gateway's program is not running, or does not answer.",
                "Run `sudo systemctl restart vitalwire-gateway`, wait a minute, look again.",
            )
        )
    else:
        found += [_of_problem(problem, overview.devices) for problem in live.problems]
        if pairings := live.refused.get("pairing", 0):
            found.append(
                Advice(
                    Level.NOTICE,
                    f"{words.counted(pairings, 'attempt')} to pair with this gateway "
                    f"{'was' if pairings == 1 else 'were'} refused: nobody here had asked for it.",
                    "If it goes on, tell your contact at the clinic: somebody may be trying.",
                )
            )
    for device in overview.devices:
        found += _of_device(device)
    if not overview.devices and overview.journal is not None:  # else nobody knows
        found.append(
            Advice(
                Level.NOTICE,
                "No device is paired with this gateway yet.",
                "Run `sudo vitalwire gateway pair` beside the device.",
            )
        )
    return sorted(found, key=lambda one: one.level is not Level.PROBLEM)


def _of_problem(problem: str, devices: list[DeviceRow]) -> Advice:
    """Take what the daemon says apart, cause and way out, and say it in this house's names."""
    what, _, do = problem.partition("; ")
    for device in devices:
        if device.name:
            what = what.replace(device.address, f"{device.name} ({device.address})")
    do = do.replace("`vitalwire ", "`sudo vitalwire ")
    return Advice(Level.PROBLEM, _sentence(what), _sentence(do))


def _of_device(device: DeviceRow) -> list[Advice]:
    name = device.name or device.model or device.address
    found = []
    if device.last_reading_s is None or device.last_reading_s > SILENT_AFTER_S:
        since = words.last_reading(device)
        last = f"The last reading came {since}"
        if device.last_reading_s is None:
            gone = device.outlived_readings
            last = f"No reading in the last {KEPT_DAYS} days" if gone else "No reading yet"
        found.append(
            Advice(
                Level.NOTICE,
                f"{name}: {last}.",
                "Take a measurement within a few metres of the gateway.",
            )
        )
    battery = device.battery_percent
    if battery is not None and battery <= BATTERY_LOW_PERCENT:
        found.append(
            Advice(Level.NOTICE, f"{name}: battery at {battery} %.", "Change its batteries.")
        )
    elif device.battery_low:
        found.append(
            Advice(Level.NOTICE, f"{name}: its record says battery low.", "Change its batteries.")
        )
    return found


def _sentence(text: str) -> str:
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
