"""Listening for a while, and telling what is heard as it is heard."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.admission.advert import Advert, advert
from gateway.bluetooth.listening import listening

TELL_EVERY_S = 0.5


async def listen(
    adapter: str, listen_s: float, tell: Callable[[list[Advert], float], None]
) -> list[Advert]:
    """Listen; give what was heard, the strongest first. ``tell`` hears it meanwhile, and s left.

    Raises ``UnavailableError`` with the way out. Cancelled, it stops listening first.
    """
    heard: dict[str, Advert] = {}

    def on_detection(_device: object, advertisement: Any) -> None:  # noqa: ANN401  (bleak's)
        _path, properties = advertisement.platform_data
        one = advert(properties)
        if one.rssi_dbm is not None or one.address in heard:
            heard[one.address] = one

    async with listening(adapter, on_detection):
        loop = asyncio.get_running_loop()
        end_s = loop.time() + listen_s
        while (left_s := end_s - loop.time()) > 0:
            tell(_strongest_first(heard), left_s)
            await asyncio.sleep(min(TELL_EVERY_S, left_s))
    return _strongest_first(heard)


def _strongest_first(heard: dict[str, Advert]) -> list[Advert]:
    return sorted(heard.values(), key=lambda one: (-(one.rssi_dbm or -128), one.address))
