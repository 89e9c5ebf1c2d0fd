"""Adapter1: one adapter's discovery, and the devices that were seen or are bonded."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from bumble import hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Advertisement
from dbus_fast import Variant

from simulators.world.calls import Call, Handler
from simulators.world.central import ADAPTER, DEVICE, Central, device_path, full_uuid
from simulators.world.device import RemoteDevice
from simulators.world.errors import BluezError
from simulators.world.faults import (
    Deafness,
    StartDiscoveryHangs,
    StartDiscoveryInProgress,
    StopDiscoveryInProgress,
)

__all__ = ["Adapter", "StoredDevice"]

UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)


@dataclass(frozen=True)
class StoredDevice:
    """What is kept on disk about a bonded device, beside its keys."""

    address: hci.Address
    name: str
    uuids: tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """What a client wants to hear of; ``rssi_dbm``: it named a threshold, however low."""

    uuids: frozenset[str] = frozenset()
    rssi_dbm: int | None = None

    def wants(self, uuids: list[str], rssi_dbm: int) -> bool:
        """Tell whether an advertisement passes, by what it says itself: a bond is no help."""
        near = self.rssi_dbm is None or rssi_dbm >= self.rssi_dbm
        return near and (not self.uuids or not self.uuids.isdisjoint(uuids))


class Adapter:
    """One adapter; discovery runs while any bus client asked for it."""

    def __init__(self, central: Central, address: str, temporary_timeout_s: float) -> None:
        """Forget unpaired devices `temporary_timeout_s` after they were last seen."""
        self._central = central
        self._address = address
        self._temporary_timeout_s = temporary_timeout_s
        self._filters: dict[str, Filter] = {}
        self._discovering: set[str] = set()
        self.deafness: Deafness | None = None
        self.devices: dict[str, RemoteDevice] = {}

    @property
    def controller(self) -> Controller:
        """Its radio."""
        return self._central.controller

    @property
    def is_discovering(self) -> bool:
        """Whether anybody looks for devices."""
        return bool(self._discovering)

    async def end(self) -> None:
        """Break its links and switch its radio off, for ever."""
        for device in list(self.devices.values()):
            await device.drop()
        await self._central.tasks.close()
        await self._central.host.power_off()

    def methods(self) -> dict[tuple[str, str], Handler]:
        """Return the D-Bus methods."""
        return {
            (ADAPTER, "SetDiscoveryFilter"): self._set_filter,
            (ADAPTER, "StartDiscovery"): self._start_discovery,
            (ADAPTER, "StopDiscovery"): self._stop_discovery,
            (ADAPTER, "RemoveDevice"): self._remove_device,
        }

    def show(self) -> None:
        """Make the Adapter1 object appear."""
        properties = {
            "Address": Variant("s", self._address),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", "simulated"),
            "Alias": Variant("s", "simulated"),
            "Class": Variant("u", 0),
            "Powered": Variant("b", True),
            "Discoverable": Variant("b", False),
            "Pairable": Variant("b", True),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Modalias": Variant("s", "usb:v1D6Bp0246d0542"),
            "Roles": Variant("as", ["central"]),
        }
        self._central.tree.add(self._central.adapter_path, ADAPTER, properties)

    def show_bonded(self, stored: StoredDevice) -> None:
        """Show a device of which a bond is stored, whether or not it is near."""
        device = RemoteDevice(self._central, stored.address)
        if device.path in self.devices:
            return
        self.devices[device.path] = device
        properties = {
            "Name": Variant("s", stored.name),
            "Alias": Variant("s", stored.name),
            "UUIDs": Variant("as", list(stored.uuids)),
        }
        device.show(properties, paired=True)

    async def set_powered(self, *, powered: bool) -> None:
        """Switch the radio; off ends every link and all discovery."""
        self._central.tree.change(
            self._central.adapter_path, ADAPTER, {"Powered": Variant("b", powered)}
        )
        if powered:
            self.deafness = None
        else:
            self._discovering.clear()
            await self._scan()
            for device in list(self.devices.values()):
                await device.drop()

    async def client_gone(self, name: str) -> None:
        """End what a client that left the bus had started."""
        self._filters.pop(name, None)
        self._discovering.discard(name)
        await self._scan()
        for device in list(self.devices.values()):
            for characteristic in list(device.characteristics.values()):
                if characteristic.has_listener(name):
                    with suppress(BluezError):  # the link may break meanwhile
                        await characteristic.stop_notify(name)

    async def _set_filter(self, call: Call) -> None:
        (wanted,) = call.arguments
        uuids = wanted["UUIDs"].value if "UUIDs" in wanted else ()
        rssi_dbm = wanted["RSSI"].value if "RSSI" in wanted else None
        self._filters[call.sender] = Filter(frozenset(uuids), rssi_dbm)

    async def _start_discovery(self, call: Call) -> None:
        if not self._central.tree.value(self._central.adapter_path, ADAPTER, "Powered"):
            raise BluezError("NotReady", "Resource Not Ready")
        refused = self._central.faults.take(StartDiscoveryInProgress)
        if refused is not None or call.sender in self._discovering:
            raise BluezError("InProgress", "Operation already in progress")
        if self.deafness is Deafness.UNTIL_DISCOVERY:
            self.deafness = None
        self._discovering.add(call.sender)
        if self._central.faults.take(StartDiscoveryHangs) is not None:
            await asyncio.Event().wait()
        await self._scan()

    async def _stop_discovery(self, call: Call) -> None:
        if call.sender not in self._discovering:
            raise BluezError("Failed", "No discovery started")
        self._discovering.discard(call.sender)
        await self._scan()
        if self._central.faults.take(StopDiscoveryInProgress) is not None:
            self.deafness = Deafness.UNTIL_POWER
            raise BluezError("InProgress", "Operation already in progress")

    async def _scan(self) -> None:
        """Bring the radio in line with whether anybody discovers."""
        host, wanted = self._central.host, bool(self._discovering)
        if wanted == host.is_scanning:
            return
        if wanted:
            await host.start_scanning(active=True, filter_duplicates=False)
        else:
            await host.stop_scanning()
            for path in self.devices:  # without discovery a signal strength means nothing
                self._central.tree.change(path, DEVICE, {}, invalidated=("RSSI",))
        discovering = {"Discovering": Variant("b", wanted)}
        self._central.tree.change(self._central.adapter_path, ADAPTER, discovering)

    async def _remove_device(self, call: Call) -> None:
        (path,) = call.arguments
        device = self.devices.get(path)
        if device is None:
            raise BluezError("DoesNotExist", "Does Not Exist")
        if not self._central.tree.value(self._central.adapter_path, ADAPTER, "Powered"):
            raise BluezError("NotReady", "Resource Not Ready")
        await device.drop()
        keystore = self._central.host.keystore
        assert keystore is not None
        await keystore.delete(device.key_name)
        self._forget(device)

    def _forget(self, device: RemoteDevice) -> None:
        self.devices.pop(device.path, None)
        self._central.tree.remove(device.path)

    def on_advertisement(self, advertisement: Advertisement) -> None:
        """Show a device, or what changed about it."""
        if not self._discovering or self.deafness is not None:
            return
        path = device_path(self._central.adapter_path, advertisement.address)
        uuids = list(_service_uuids(advertisement.data))
        filters = [self._filters.get(client, Filter()) for client in self._discovering]
        if not any(wanted.wants(uuids, advertisement.rssi) for wanted in filters):
            return
        device = self.devices.get(path)
        if device is None:
            device = RemoteDevice(self._central, advertisement.address)
            self.devices[path] = device
            device.show(_advertised(advertisement, uuids), paired=False)
            self._central.tasks.spawn(self._forget_when_silent(device))
        else:
            known = self._central.tree.value(path, DEVICE, "UUIDs") or []
            said = _advertised(advertisement, sorted({*known, *uuids}))
            self._tell(path, said, every=any(wanted.rssi_dbm is not None for wanted in filters))
        device.last_seen_s = asyncio.get_running_loop().time()

    def _tell(self, path: str, said: dict[str, Variant], *, every: bool) -> None:
        """Tell what an advertisement changes; its strength each time only if somebody asked.

        So bluetoothd has it from July 2026 on (its commit e004414a1): for who named no threshold
        of strength, less than 8 dB is no change, and this air knows one strength only.
        """
        before = {name: self._central.tree.value(path, DEVICE, name) for name in said}
        news = {name: value for name, value in said.items() if value.value != before[name]}
        if every:
            news["RSSI"] = said["RSSI"]
        if news:
            self._central.tree.change(path, DEVICE, news)

    async def _forget_when_silent(self, device: RemoteDevice) -> None:
        """Remove a device that nobody paired with and that is heard no more (TemporaryTimeout)."""
        while self.devices.get(device.path) is device:
            await asyncio.sleep(self._temporary_timeout_s / 4)
            silent_s = asyncio.get_running_loop().time() - device.last_seen_s
            kept = device.is_busy or device.is_paired
            if not kept and silent_s > self._temporary_timeout_s:
                self._forget(device)


def _service_uuids(data: AdvertisingData) -> Iterator[str]:
    for kind in UUID_LISTS:
        uuids = data.get(kind)
        if isinstance(uuids, list):
            yield from (full_uuid(uuid) for uuid in uuids)


def _advertised(advertisement: Advertisement, uuids: list[str]) -> dict[str, Variant]:
    """Return the Device1 properties that an advertisement sets."""
    data = advertisement.data
    properties = {"RSSI": Variant("n", advertisement.rssi), "UUIDs": Variant("as", uuids)}
    name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
    name = name or data.get(AdvertisingData.SHORTENED_LOCAL_NAME)
    if name:
        properties["Name"] = Variant("s", name)
    address = advertisement.address.to_string(False)
    properties["Alias"] = Variant("s", name or address.replace(":", "-"))
    makers = data.get_all(AdvertisingData.MANUFACTURER_SPECIFIC_DATA)
    if makers:
        by_company = {company: Variant("ay", content) for company, content in makers}
        properties["ManufacturerData"] = Variant("a{qv}", by_company)
    return properties
