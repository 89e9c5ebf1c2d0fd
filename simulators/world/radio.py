"""The air of one home: controllers that hear each other, and silence on demand."""

import asyncio
import secrets
from typing import Any
from weakref import WeakKeyDictionary

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.keys import PairingKeys
from bumble.link import LocalLink

__all__ = ["Air", "Bond", "CentralController"]


_TIMEOUT = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_NEVER_ESTABLISHED = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
_ESTABLISHED_WITHIN_S = 0.05  # six connection events, as the standard has it
# What a scanner hears of a crowd: the more advertise at once, the more of it is lost. Each report
# costs us a third of a millisecond; at 100 a second in all there is time left for the links.
_SHARE_OF_THE_AIR_S = 0.01


class Air(LocalLink):
    """A LocalLink in which a controller can fall silent without the other side being told.

    Give every home its own: many homes on one link starve each other.
    """

    def __init__(self) -> None:
        """Begin with nobody in the air."""
        super().__init__()  # type: ignore[no-untyped-call]  # the one untyped method of bumble here
        self._silent: set[Controller] = set()
        self._heard_again_s: WeakKeyDictionary[Controller, float] = WeakKeyDictionary()

    def silence(self, controller: Controller) -> None:
        """Let nothing from or to this controller pass, as if it was carried out of range."""
        self._silent.add(controller)

    def restore(self, controller: Controller) -> None:
        """Let it be heard again; its links are over, as after any supervision timeout."""
        self._silent.discard(controller)
        self.end_links(controller)

    def end_links(self, controller: Controller) -> None:
        """End every link of this controller, at both ends by supervision timeout."""
        for connection in list(controller.le_connections.values()):
            peer = self.find_le_controller(connection.peer_address)
            controller.on_le_disconnected(connection, _TIMEOUT)
            if peer is not None and (other := peer.le_connections.get(connection.self_address)):
                peer.on_le_disconnected(other, _TIMEOUT)

    def _unheard(self, controller: Controller | None) -> bool:
        return controller is None or controller in self._silent

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data unless one end is silent.

        From the address that the link was made with: bumble says the random one, and a controller
        with a public address is not understood.
        """
        receiver = self.find_le_controller(destination_address)
        link = sender_controller.le_connections.get(destination_address)
        if receiver is None or link is None or {receiver, sender_controller} & self._silent:
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(receiver.on_link_acl_data, link.self_address, transport, data)

    def send_advertising_pdu(self, sender_controller: Controller, packet: Any) -> None:  # noqa: ANN401
        """Carry an advertisement, or the answer to one, unless its sender is silent."""
        if self._unheard(sender_controller):
            return
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            if (asked := self.find_le_controller(packet.advertiser_address)) is not None:
                loop.call_soon(asked.on_ll_advertising_pdu, packet)
            loop.call_later(_ESTABLISHED_WITHIN_S, self._give_up, sender_controller, packet)
            return
        crowded = loop.time() < self._heard_again_s.get(sender_controller, 0.0)
        if not crowded:
            share_s = _SHARE_OF_THE_AIR_S * len(self.controllers)
            self._heard_again_s[sender_controller] = loop.time() + share_s
        for controller in self.controllers:  # only those that listen: a hundred devices do not
            if _dials(controller, packet) or (controller.le_scan_enable and not crowded):
                loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def _give_up(self, central: Controller, request: ll.ConnectInd) -> None:
        """End a link that only the central has: the device had stopped listening just before.

        Else it would never end, for no link here has a supervision timeout.
        """
        peer = self.find_le_controller(request.advertiser_address)
        link = central.le_connections.get(request.advertiser_address)
        known = peer is not None and request.initiator_address in peer.le_connections
        if link is not None and not known:
            central.on_le_disconnected(link, _NEVER_ESTABLISHED)

    def send_ll_control_pdu(
        self,
        sender_address: hci.Address,
        receiver_address: hci.Address,
        packet: Any,  # noqa: ANN401
    ) -> None:
        """Carry link control (encryption, termination) unless one end is silent or gone."""
        ends = (self.find_le_controller(sender_address), self.find_le_controller(receiver_address))
        if not any(self._unheard(end) for end in ends):
            super().send_ll_control_pdu(sender_address, receiver_address, packet)


def _dials(controller: Controller, packet: ll.AdvInd | ll.AdvExtInd) -> bool:
    attempt = controller.pending_le_connection
    return attempt is not None and attempt.peer_address == packet.advertiser_address


class CentralController(Controller):
    """A controller that really gives up a connection attempt; bumble's only says that it does."""

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Forget the attempt and report its end."""
        attempt, self.pending_le_connection = self.pending_le_connection, None
        if attempt is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        ended = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=attempt.peer_address.address_type,
            peer_address=attempt.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


class Bond:
    """What pairing leaves behind on both sides, made without pairing."""

    def __init__(self) -> None:
        """Draw a long-term key."""
        self._long_term_key = secrets.token_bytes(16)

    def keys(self, peer: hci.Address) -> PairingKeys:
        """Return what one side remembers about its `peer`."""
        return PairingKeys(
            address_type=hci.AddressType(peer.address_type),
            ltk=PairingKeys.Key(value=self._long_term_key, authenticated=False),
        )
