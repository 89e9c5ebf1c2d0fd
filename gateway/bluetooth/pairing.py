"""What a person does once per device: find it, pair it, see what is paired."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError

from gateway.bluetooth.agent import Agent, AskPasskey, registered
from gateway.bluetooth.bluez import DEVICE_INTERFACE, SERVICES, Adapter, objects, system_bus
from schemas.errors import UnavailableError
from schemas.gatt import uuids

FIND_TIMEOUT_S = 30.0
PAIR_TIMEOUT_S = 60.0  # a person reads six digits
DISCONNECT_TIMEOUT_S = 15.0
_KINDS = {
    uuids.full(uuids.BLOOD_PRESSURE_SERVICE): "blood pressure",
    uuids.full(uuids.GLUCOSE_SERVICE): "glucose",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A device as bluetoothd describes it."""

    address: str
    name: str
    kinds: tuple[str, ...]
    paired: bool


async def paired_devices(adapter: str) -> list[Found]:
    """Give the devices paired on this adapter; raise ``UnavailableError`` without bluetoothd."""
    async with system_bus() as bus:
        found = await objects(bus)
    if f"/org/bluez/{adapter}" not in found:
        raise UnavailableError(Adapter.MISSING.value.format(name=adapter))
    devices = (
        interfaces[DEVICE_INTERFACE]
        for path, interfaces in sorted(found.items())
        if DEVICE_INTERFACE in interfaces and path.startswith(f"/org/bluez/{adapter}/")
    )
    return [_found(properties) for properties in devices if properties.get("Paired")]


async def nearby_devices(adapter: str, listen_s: float) -> list[Found]:
    """Listen for a while for devices with one of our services."""
    try:
        seen = await BleakScanner.discover(
            timeout=listen_s, service_uuids=SERVICES, bluez={"adapter": adapter}
        )
    except BleakError as error:
        raise UnavailableError(f"Bluetooth does not scan: {error}.", _WAY_OUT) from error
    except (OSError, EOFError) as error:
        raise UnavailableError(Adapter.NO_BUS.value) from error
    return [_found(device.details["props"]) for device in seen]


async def pair(
    adapter: str, address: str, ask_passkey: AskPasskey, show: Callable[[str], None]
) -> Found:
    """Pair a device in pairing mode; raise ``UnavailableError`` with the way out."""
    async with registered(Agent(ask_passkey, show)):
        try:
            device = await BleakScanner.find_device_by_address(
                address, timeout=FIND_TIMEOUT_S, bluez={"adapter": adapter}
            )
            if device is None:
                raise UnavailableError(
                    f"{address} is not heard.",
                    "Put it into pairing mode, and bring it within a few metres.",
                )
            show(f"Found {device.name or address}; pairing.")
            async with asyncio.timeout(PAIR_TIMEOUT_S):
                await _pair(device, adapter)
        except TimeoutError as error:
            raise UnavailableError(f"{address} does not answer.", _TRY_AGAIN) from error
        except BleakDBusError as error:
            raise UnavailableError(f"{address} refuses: {error}.", _TRY_AGAIN) from error
        except (BleakError, OSError, EOFError) as error:
            raise UnavailableError(f"Pairing failed: {error}.", _TRY_AGAIN) from error
    paired = {found.address: found for found in await paired_devices(adapter)}
    if address not in paired:
        raise UnavailableError(f"{address} did not keep the bond.", _TRY_AGAIN)
    return paired[address]


_WAY_OUT = "Check `bluetoothctl show`: is there an adapter, is it powered?"
_TRY_AGAIN = "Put it into pairing mode again and repeat; remove old bonds on the device first."


async def _pair(device: BLEDevice, adapter: str) -> None:
    client = BleakClient(device, bluez={"adapter": adapter})
    await client.connect()
    try:
        await client.pair()
    finally:
        # Some cuffs finish pairing only when the link ends (A&D UA-651BLE).
        async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
            await client.disconnect()


def _found(properties: dict[str, object]) -> Found:
    services = properties.get("UUIDs")
    offered = services if isinstance(services, list) else []
    return Found(
        address=str(properties["Address"]).upper(),
        name=str(properties.get("Alias", "")),
        kinds=tuple(kind for uuid, kind in _KINDS.items() if uuid in offered),
        paired=bool(properties.get("Paired")),
    )
