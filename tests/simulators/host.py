"""A host in a simulated world, as it sees and hears by bleak."""

from bleak.backends.bluezdbus.manager import BlueZManager
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
)

from schemas.gatt import uuids
from tests.bluetooth_world import CUFF_ADDRESS, heard

FEATURE = uuids.full(uuids.BLOOD_PRESSURE_FEATURE)
TIMEOUT_S = 10.0


async def find(address: str = CUFF_ADDRESS) -> BLEDevice:
    device = await heard(address)
    assert device is not None
    return device


def adapter_is_powered(manager: BlueZManager) -> bool:
    """Whether the news have reached bleak."""
    try:
        return bool(manager.get_default_adapter())
    except BleakBluetoothNotAvailableError:
        return False
