"""bumble's device, which also notices how its peer goes about subscribing."""

import asyncio
from math import inf

from bumble import att, gatt
from bumble.device import Connection, Device

from simulators.peripherals.attributes import Characteristic

__all__ = ["ListeningDevice"]

_CCCD = gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
_WRITES = (att.Opcode.ATT_WRITE_REQUEST, att.Opcode.ATT_WRITE_COMMAND)
# A central may look for the descriptor once more on its way to it, as bumble's does.
_NOT_ASKING = (
    att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION,
    att.Opcode.ATT_FIND_INFORMATION_REQUEST,
)


class ListeningDevice(Device):
    """A device that knows when its peer last asked for anything but a subscription."""

    _asked_s = -inf

    def on_gatt_pdu(self, connection: Connection, pdu: bytes) -> None:
        """Take a packet from the peer."""
        if pdu[0] not in _NOT_ASKING and not self._is_subscription(pdu):
            self._asked_s = asyncio.get_running_loop().time()
        super().on_gatt_pdu(connection, pdu)

    def asked_within(self, pause_s: float) -> bool:
        """Tell whether the peer asked for something else less than so long ago."""
        return asyncio.get_running_loop().time() - self._asked_s < pause_s

    def forget_subscription(self, connection: Connection, characteristic: Characteristic) -> None:
        """Behave as if the peer had never subscribed, though it was told that it had."""
        self.gatt_server.subscribers[connection].pop(characteristic.handle, None)

    def _is_subscription(self, pdu: bytes) -> bool:
        if pdu[0] not in _WRITES:
            return False
        attribute = self.gatt_server.get_attribute(int.from_bytes(pdu[1:3], "little"))
        return attribute is not None and attribute.type == _CCCD
