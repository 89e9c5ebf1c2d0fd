"""How a device answers when somebody wants to pair with it."""

from bumble.pairing import PairingConfig, PairingDelegate

__all__ = ["pairing_config"]


class _Device(PairingDelegate):
    """A device without keys; with a passkey it has a display to show it on."""

    def __init__(self, passkey: int | None, *, accepting: bool) -> None:
        shows = self.NO_OUTPUT_NO_INPUT if passkey is None else self.DISPLAY_OUTPUT_ONLY
        super().__init__(shows)
        self._passkey = passkey
        self._accepting = accepting

    async def accept(self) -> bool:
        """Pair only in pairing mode."""
        return self._accepting

    async def generate_passkey(self) -> int:
        """Show always the same number: the test or the demo has no eyes."""
        assert self._passkey is not None
        return self._passkey


def pairing_config(passkey: int | None, *, accepting: bool) -> PairingConfig:
    """Return bumble's settings for a device that bonds, by passkey if it has one to show."""
    delegate = _Device(passkey, accepting=accepting)
    return PairingConfig(sc=True, mitm=passkey is not None, bonding=True, delegate=delegate)
