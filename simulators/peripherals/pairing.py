"""Whom a device knows, and how it answers when somebody wants to pair with it."""

from collections.abc import Awaitable, Callable

from bumble import hci
from bumble.device import Connection
from bumble.keys import KeyStore, MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from simulators.peripherals.habits import Habits

__all__ = ["Bonds"]


class Bonds:
    """The bonds of one device, and its rules for making and losing them."""

    def __init__(self, habits: Habits) -> None:
        """Begin with none."""
        self._habits = habits
        self._has_a_host = False  # that it has been paired with, whether or not it still knows
        self.store: KeyStore = MemoryKeyStore()
        self.pairing_mode = False  # somebody has pressed the button
        self.paired_now = False  # on the link that it has, or had last

    async def load(self) -> None:
        """Look whether the store already knows a host."""
        self._has_a_host |= bool(await self.store.get_all())

    async def remember(self, peer: hci.Address, keys: PairingKeys) -> None:
        """Store a bond as if it had been paired with `peer`."""
        await self.store.update(str(peer), keys)
        self._has_a_host = True

    async def forget(self) -> None:
        """Lose every bond."""
        await self.store.delete_all()

    def paired(self) -> None:
        """Note that it has been paired on the link that it has."""
        self.paired_now = self._has_a_host = True
        if not self._habits.wants_everything_subscribed:
            self.pairing_mode = False

    def all_subscribed(self) -> None:
        """Note that the peer has subscribed to everything: for some this ends the pairing."""
        self.pairing_mode = self.pairing_mode and not self.paired_now

    async def after_link(self, *, all_subscribed: bool) -> None:
        """Keep or lose the bond of the link that has ended."""
        if self._habits.wants_everything_subscribed and self.paired_now:
            self._has_a_host = all_subscribed
        if self._habits.drops_bond or not self._has_a_host:
            await self.forget()

    def config(self, connection: Connection) -> PairingConfig:
        """Return bumble's settings: it bonds, by passkey if it has a display to show one.

        Its identity is the address that it advertises, also on a dongle with a public one.
        """

        async def accepts() -> bool:
            return await self._accepts(str(connection.peer_address))

        return PairingConfig(
            sc=True,
            mitm=self._habits.passkey is not None,
            bonding=True,
            delegate=_Device(self._habits.passkey, accepts),
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )

    async def _accepts(self, peer: str) -> bool:
        """Whether it pairs now: by its button, or with a host whose bond it threw away itself."""
        others = [name for name, _keys in await self.store.get_all() if name != peer]
        most = self._habits.bonds_max
        if most is not None and len(others) >= most:
            return False
        return self.pairing_mode or (self._habits.drops_bond and self._has_a_host)


class _Device(PairingDelegate):
    """A device without keys; with a passkey it has a display to show it on."""

    def __init__(self, passkey: int | None, accepts: Callable[[], Awaitable[bool]]) -> None:
        shows = self.NO_OUTPUT_NO_INPUT if passkey is None else self.DISPLAY_OUTPUT_ONLY
        super().__init__(shows)
        self._passkey = passkey
        self._accepts = accepts

    async def accept(self) -> bool:
        """Pair only when the device wants to."""
        return await self._accepts()

    async def generate_passkey(self) -> int:
        """Show always the same number: the test or the demo has no eyes."""
        assert self._passkey is not None
        return self._passkey
