"""The devices near this gateway that nobody paired here: remembered for a minute, to be shown."""

from collections import OrderedDict

from gateway.admission.advert import Advert
from gateway.admission.live import LiveStranger

STRANGERS_MAX = 64
SHOWN_FOR_MS = 60_000


class Strangers:
    """The last word of each; the one that has been silent for longest makes room."""

    def __init__(self) -> None:
        """Begin with nobody near."""
        self._heard: OrderedDict[str, tuple[Advert, int]] = OrderedDict()

    def heard(self, advert: Advert, now_ms: int) -> None:
        """Note one that advertises now (monotonic, ms)."""
        self._heard[advert.address] = (advert, now_ms)
        self._heard.move_to_end(advert.address)
        while len(self._heard) > STRANGERS_MAX:
            self._heard.popitem(last=False)

    def recent(self, now_ms: int) -> list[LiveStranger]:
        """Give those heard within the last minute, the strongest first."""
        recent = [
            LiveStranger(advert, (now_ms - heard_ms) // 1000)
            for advert, heard_ms in self._heard.values()
            if now_ms - heard_ms <= SHOWN_FOR_MS
        ]
        return sorted(recent, key=lambda stranger: -(stranger.advert.rssi_dbm or -128))
