"""A Bluetooth world without a radio, for tests and for simulated homes."""

from simulators.world.bus import PrivateBus
from simulators.world.faults import (
    ConnectFails,
    Deafness,
    DeviceForgotten,
    ReadHangs,
    ServicesResolvedEarly,
    SlowDisconnect,
    StartDiscoveryHangs,
    StartDiscoveryInProgress,
    StopDiscoveryInProgress,
)
from simulators.world.stand_in import AdapterSettings
from simulators.world.world import BluetoothWorld

__all__ = [
    "AdapterSettings",
    "BluetoothWorld",
    "ConnectFails",
    "Deafness",
    "DeviceForgotten",
    "PrivateBus",
    "ReadHangs",
    "ServicesResolvedEarly",
    "SlowDisconnect",
    "StartDiscoveryHangs",
    "StartDiscoveryInProgress",
    "StopDiscoveryInProgress",
]
