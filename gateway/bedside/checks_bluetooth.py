"""Checks of Bluetooth: radio switch, versions, bluetoothd, adapter, the keys of what is paired."""

import asyncio
import platform
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from dbus_fast import Message

from gateway.admission.advert import Advert, advert
from gateway.admission.live import Overview
from gateway.bedside import words
from gateway.bedside.finding import Finding, bad, good, notice, skipped
from gateway.bedside.patient import Patient
from gateway.bedside.versions import BLUEZ, BLUEZ_OLDEST, KERNEL, known_bad, numbers
from gateway.bluetooth.bluez import ADAPTER_INTERFACE, DEVICE_INTERFACE, call, objects, system_bus
from gateway.bluetooth.bluez import BLUEZ as BLUEZ_NAME
from schemas.errors import UnavailableError

PAIRINGS = "Pairings"
PROGRAM_TIMEOUT_S = 5.0
RFKILL = Path("/sys/class/rfkill")
Objects = dict[str, dict[str, dict[str, Any]]]


async def bluetooth(patient: Patient, overview: Overview) -> AsyncIterator[Finding]:
    """Look at everything between the radio and bluetoothd; stop where nothing more can be seen."""
    yield rfkill()
    yield kernel()
    yield await asyncio.to_thread(bluez_version)
    try:
        async with system_bus() as bus:
            owned = await call(
                bus,
                Message(
                    "org.freedesktop.DBus",
                    "/org/freedesktop/DBus",
                    "org.freedesktop.DBus",
                    "NameHasOwner",
                    signature="s",
                    body=[BLUEZ_NAME],
                ),
            )
            if not owned.body[0]:
                yield bad(
                    "Bluetooth service",
                    "bluetoothd is not running",
                    "Run `sudo systemctl start bluetooth`.",
                )
                return
            found = await objects(bus)
    except UnavailableError as error:
        what, _, do = error.cause.removeprefix("Bluetooth: ").partition("; ")
        yield bad("Bluetooth service", what, f"{do[:1].upper()}{do[1:]}.")
        return
    yield good("Bluetooth service", "bluetoothd answers")
    running = overview.live.adapters if overview.live is not None else ()
    for name in (patient.adapter,) if patient.adapter else running or ("hci0",):
        yield adapter(name, found)
    if any(ADAPTER_INTERFACE in interfaces for interfaces in found.values()):
        yield pairings(found, overview)
    else:
        yield skipped(PAIRINGS, "an adapter holds them, and there is none")


def rfkill(root: Path = RFKILL) -> Finding:
    """Look whether the kernel has switched the radio off."""
    check = "Radio switch"
    for switch in sorted(root.glob("rfkill*")):
        try:
            kind, soft, hard = (
                (switch / name).read_text().strip() for name in ("type", "soft", "hard")
            )
        except OSError:
            continue
        if kind == "bluetooth" and hard == "1":
            return bad(check, "Bluetooth is off by a switch", "Switch it on at the device.")
        if kind == "bluetooth" and soft == "1":
            return bad(check, "Bluetooth is blocked", "Run `sudo rfkill unblock bluetooth`.")
    return good(check, "Bluetooth is not blocked")


def kernel(release: str | None = None) -> Finding:
    """Look for a kernel that is known to be bad."""
    release = release or platform.release()
    row = known_bad(numbers(release), KERNEL)
    if row is not None:
        return bad("Kernel", f"{release} {row.harm} ({row.source})", "Update this machine.")
    return good("Kernel", release)


def bluez_version(program: str = "bluetoothctl") -> Finding:
    """Look for a BlueZ that is known to be bad."""
    check = "Version of BlueZ"
    try:
        asked = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return skipped(check, "bluetoothctl does not tell")
    version = numbers(asked.stdout)
    said = ".".join(map(str, version)) or "unknown"
    if version and version < BLUEZ_OLDEST:
        oldest = ".".join(map(str, BLUEZ_OLDEST))
        return bad(check, f"{said} is older than {oldest}", "Update this machine.")
    row = known_bad(version, BLUEZ)
    if row is not None:
        return bad(check, f"{said} {row.harm} ({row.source})", "Update this machine.")
    return good(check, said) if version else skipped(check, "bluetoothctl does not tell")


def adapter(name: str, found: Objects) -> Finding:
    """Look for an adapter that the gateway uses."""
    check = "Bluetooth adapter"
    adapters = {
        path.rpartition("/")[2]: interfaces[ADAPTER_INTERFACE]
        for path, interfaces in found.items()
        if ADAPTER_INTERFACE in interfaces
    }
    if not adapters:
        return bad(check, "there is none", "Plug one in; a Raspberry Pi's own may be disabled.")
    if name not in adapters:
        return bad(
            check,
            f"there is no {name}, but {', '.join(sorted(adapters))}",
            f"Use --adapter {min(adapters)}, here and in the gateway's settings.",
        )
    if not adapters[name].get("Powered"):
        return bad(check, f"{name} is off", "Run `bluetoothctl power on`.")
    return good(check, f"{name} is on")


def pairings(found: Objects, overview: Overview) -> Finding:
    """Compare what people admitted with the keys that bluetoothd holds."""
    check = PAIRINGS
    shown: list[Advert] = [
        advert(interfaces[DEVICE_INTERFACE])
        for interfaces in found.values()
        if DEVICE_INTERFACE in interfaces
    ]
    bonded = {one.address: one for one in shown if one.bonded}
    admitted = {device.address for device in overview.devices}
    if gone := sorted(admitted - bonded.keys()):
        return bad(
            check,
            f"bluetoothd no longer holds the pairing of {gone[0]}",
            f"Run `sudo vitalwire gateway pair {gone[0]}` beside the device.",
        )
    if kept := sorted(bonded.keys() & set(overview.unpaired)):
        return notice(
            check,
            f"bluetoothd still holds the pairing of {kept[0]}, which is forgotten here",
            "Once its adapter is on, the gateway's program removes it, and so does"
            f" `sudo vitalwire gateway unpair {kept[0]}`.",
        )
    outside = sorted(one for one in bonded.keys() - admitted if bonded[one].ours)
    if outside:
        return notice(
            check,
            f"{outside[0]} was paired outside this command and is not read",
            f"Run `sudo vitalwire gateway pair {outside[0]}`.",
        )
    return good(check, f"{words.counted(len(admitted), 'device')}, each with its key")
