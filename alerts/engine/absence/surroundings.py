"""What gateways.v1 says of the way from a patient's devices to the clinic: why nothing may come.

A fold over gateway reports, in log order. Times are the server's stamps (UTC ms), never a clock's.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from schemas.kafka import GatewayReport
from schemas.wire import DeviceState

REPORT_LATE_MS = 3_600_000
"""A gateway reports often and its will speaks for it, but a broker may have forgotten the will."""


@dataclass(slots=True)
class Gateway:
    """A gateway as its reports say; ``since_ms``: when it last came or went.

    ``heard_ms``: by ``device_number``, when the device was last heard.
    """

    online: bool
    since_ms: int
    reported_ms: int
    heard_ms: dict[int, int] = field(default_factory=dict)

    def hear(self, device: DeviceState, stamp_ms: int) -> bool:
        """Note when a device was last heard; tell whether it is the first time after long."""
        if device.last_seen_s is None:
            return False
        identity, heard_ms = device_number(device.address), stamp_ms - device.last_seen_s * 1000
        before_ms = self.heard_ms.get(identity, 0)
        self.heard_ms[identity] = max(before_ms, heard_ms)
        return heard_ms - before_ms > REPORT_LATE_MS


class Surroundings:
    """All gateways."""

    def __init__(self) -> None:
        """Know no gateway."""
        self._gateways: dict[str, Gateway] = {}

    def take(self, report: GatewayReport) -> bool:
        """Take one report; tell whether it may change why something does not come."""
        online, stamp_ms = report.health.state == "online", report.received_at_ms
        known = self._gateways.get(report.gateway_id)
        if known is None:
            self._gateways[report.gateway_id] = known = Gateway(online, stamp_ms, stamp_ms)
            turned = not online  # it went while nobody listened
        elif stamp_ms < known.reported_ms:
            return False
        else:
            turned = online != known.online or stamp_ms - known.reported_ms > REPORT_LATE_MS
        if turned:
            known.online, known.since_ms = online, stamp_ms
        known.reported_ms = stamp_ms
        heard = [known.hear(device, stamp_ms) for device in report.health.devices]
        return turned or any(heard)

    def away_since(self, gateway_id: str, log_ms: int) -> int | None:
        """Tell since when a gateway is away; None if it is there, or nobody ever heard of it."""
        known = self._gateways.get(gateway_id)
        if known is None:
            return None
        if not known.online:
            return known.since_ms
        return known.reported_ms if log_ms - known.reported_ms > REPORT_LATE_MS else None

    def back_since(self, gateway_id: str) -> int | None:
        """Tell since when a gateway has been there; None if it is away, or nobody heard of it."""
        known = self._gateways.get(gateway_id)
        return known.since_ms if known and known.online else None

    def reported_ms(self, gateway_id: str) -> int:
        """Tell when a known gateway last reported."""
        return self._gateways[gateway_id].reported_ms

    def heard_ms(self, gateway_id: str, device: int) -> int | None:
        """Tell when a gateway last heard a device (its number); None: never that we know."""
        known = self._gateways.get(gateway_id)
        return known.heard_ms.get(device) if known else None


@lru_cache(maxsize=65_536)
def device_number(address: str) -> int:
    """Give 48 bits that stand for a device's address."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:6])
