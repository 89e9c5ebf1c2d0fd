"""What gateways.v1 says of the way from a patient's devices to the clinic: why nothing may come.

A fold over gateway reports, in log order. Times are the server's stamps (UTC ms), never a clock's.

Reports come by a topic of their own, and a partition's time moves at ticks: what is asked is asked
as of an instant, so that a silence is explained by what was true when it was due and by nothing
that came after. For that the last few times are kept at which something changed.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from schemas.kafka import GatewayReport
from schemas.wire import DeviceState

REPORT_LATE_MS = 3_600_000
"""A gateway reports often and its will speaks for it, but a broker may have forgotten the will."""
AFRESH_AFTER_MS = 2 * 3_600_000
"""So long after a gateway or the log came back, the silence that it explains is judged again."""
NEVER_MS = 2**62
_ROUNDED_MS = 60_000
"""By so much two reports may differ about when a device was heard: they say it in seconds, and are
stamped by bridges whose clocks differ."""
_KEPT = 8
"""Of one gateway: how often it may come and go within what a log is behind."""
_KEPT_MOST = 240
"""Of one that comes and goes until stays before these add up to two hours: half a minute each. One
that never stays so long is away."""


@dataclass(slots=True)
class Stay:
    """From when on a gateway was there, by its reports; ``went_ms``: when its will said so."""

    came_ms: int
    reported_ms: int
    went_ms: int | None = None

    def ended_ms(self, at_ms: int) -> int | None:
        """Tell when it ended, as of an instant; None: it lasts."""
        went_ms = self.went_ms if self.went_ms is not None and self.went_ms <= at_ms else None
        late = (at_ms if went_ms is None else went_ms) - self.reported_ms > REPORT_LATE_MS
        return self.reported_ms if late else went_ms

    def lasted_ms(self, at_ms: int) -> int:
        """Tell how long it had lasted, as of an instant.

        The hour until a report was late is counted: whoever looked then took it to be there. Else
        one that reports once in an hour and more is never away when somebody looks, nor ever there.
        """
        ended_ms = self.ended_ms(at_ms)
        if ended_ms is None:
            return at_ms - self.came_ms
        late = self.went_ms is None or ended_ms < self.went_ms
        return ended_ms + late * REPORT_LATE_MS - self.came_ms

    @property
    def was_there(self) -> bool:
        """Whether it was there: what is known first may be that it is away."""
        return self.went_ms is None or self.went_ms > self.came_ms


@dataclass(slots=True)
class Heard:
    """When a device was heard: now, and before it was silent for more than an hour."""

    since_ms: int
    last_ms: int
    before_ms: int | None = None

    def by(self, at_ms: int) -> int | None:
        """Tell when it was last heard, as of an instant; None: never that we know."""
        return min(self.last_ms, at_ms) if self.since_ms <= at_ms else self.before_ms


@dataclass(slots=True)
class Gateway:
    """A gateway as its reports say; ``turns_ms``: stamps of those that changed something.

    ``heard``: by ``device_number``.
    """

    reported_ms: int
    stays: list[Stay] = field(default_factory=list)
    turns_ms: list[int] = field(default_factory=list)
    heard: dict[int, Heard] = field(default_factory=dict)

    def turn(self, stamp_ms: int, *, online: bool) -> bool:
        """Take whether it is there; tell whether that is new."""
        last = self.stays[-1] if self.stays else None
        if last is None or (online and last.ended_ms(stamp_ms) is not None):
            self._forget(stamp_ms)
            self.stays.append(Stay(stamp_ms, stamp_ms))
            if not online:  # it went while nobody listened
                self.stays[-1].went_ms = stamp_ms
            return True
        if online:
            last.reported_ms = stamp_ms
            return False
        new = last.went_ms is None
        last.went_ms = stamp_ms if new else last.went_ms
        return new

    def _forget(self, at_ms: int) -> None:
        """Make room for a stay; what ``came_and_went`` asks for is left."""
        while len(self.stays) >= _KEPT_MOST or (
            sum(one.lasted_ms(at_ms) for one in self.stays[1 : 1 - _KEPT]) >= AFRESH_AFTER_MS
        ):
            del self.stays[0]

    def came_and_went(self, due_ms: int, at_ms: int) -> bool:
        """Tell whether it explains a silence no more, as of an instant: it had its two hours.

        In all, since it came back for the first time after that silence was due. Back from two
        hours and more, it is given them once more, undivided.
        """
        begun = [one for one in self.stays if one.came_ms <= at_ms]
        back = [one for one in begun if one.came_ms > due_ms]
        if sum(one.lasted_ms(at_ms) for one in back) < AFRESH_AFTER_MS:
            return False
        last, before = back[-1], begun[-2:-1]
        gone_ms = before[0].ended_ms(last.came_ms) if before else None
        short = gone_ms is None or last.came_ms - gone_ms < AFRESH_AFTER_MS
        return short or last.ended_ms(at_ms) is not None

    def hear(self, device: DeviceState, stamp_ms: int) -> bool:
        """Note when a device was last heard; tell whether it is the first time after long.

        Or whether it was an hour ago and more, and nobody had said so.
        """
        if device.last_seen_s is None:
            return False
        number, at_ms = device_number(device.address), stamp_ms - device.last_seen_s * 1000
        known = self.heard.get(number)
        if known is None or at_ms - known.last_ms > REPORT_LATE_MS:
            self.heard[number] = Heard(at_ms, at_ms, known.last_ms if known else None)
            return True
        told_late = stamp_ms - at_ms > REPORT_LATE_MS and at_ms - known.last_ms > _ROUNDED_MS
        known.last_ms = max(known.last_ms, at_ms)
        return told_late

    def stay(self, at_ms: int) -> Stay | None:
        """Give the stay that had begun last, as of an instant."""
        return next((one for one in reversed(self.stays) if one.came_ms <= at_ms), None)


class Surroundings:
    """All gateways."""

    def __init__(self) -> None:
        """Know no gateway."""
        self._gateways: dict[str, Gateway] = {}

    def take(self, report: GatewayReport) -> bool:
        """Take one report; tell whether it may change why something does not come."""
        stamp_ms = report.received_at_ms
        known = self._gateways.get(report.gateway_id)
        if known is None:
            known = self._gateways[report.gateway_id] = Gateway(stamp_ms)
        if stamp_ms < known.reported_ms:
            return False
        turned = known.turn(stamp_ms, online=report.health.state == "online")
        known.reported_ms = stamp_ms
        heard = [known.hear(device, stamp_ms) for device in report.health.devices]
        if turned or any(heard):
            known.turns_ms = [*known.turns_ms[1 - _KEPT :], stamp_ms]
            return True
        return False

    def knew(self, gateway_id: str, at_ms: int) -> bool:
        """Tell whether a gateway had reported until an instant, as far as that is remembered."""
        known = self._gateways.get(gateway_id)
        return known is not None and known.stay(at_ms) is not None

    def away_since(self, gateway_id: str, at_ms: int) -> int | None:
        """Tell since when a gateway was away; None if it was there, or nobody had heard of it."""
        known = self._gateways.get(gateway_id)
        stay = known.stay(at_ms) if known else None
        return stay.ended_ms(at_ms) if stay else None

    def came_and_went(self, gateway_id: str, due_ms: int, at_ms: int) -> bool:
        """Tell whether a gateway came and went so often that it explains a silence no more."""
        known = self._gateways.get(gateway_id)
        return known is not None and known.came_and_went(due_ms, at_ms)

    def back_since(self, gateway_id: str, at_ms: int) -> int | None:
        """Tell since when a gateway was there; None if it was away, or nobody had heard of it."""
        known = self._gateways.get(gateway_id)
        stay = known.stay(at_ms) if known else None
        return stay.came_ms if stay and stay.ended_ms(at_ms) is None else None

    def back_after(self, gateway_id: str, gone_ms: int) -> int | None:
        """Tell when a gateway came back that was away since then; None: not yet."""
        known = self._gateways.get(gateway_id)
        came = (one.came_ms for one in known.stays if one.was_there) if known else ()
        return next((came_ms for came_ms in came if came_ms > gone_ms), None)

    def changes_ms(self, gateway_id: str, at_ms: int) -> int:
        """Tell when, after an instant, it must be asked anew what a gateway explains.

        At a report that said something new; or when it is late with the next one.
        """
        known = self._gateways.get(gateway_id)
        if known is None:
            return NEVER_MS
        late = (one.reported_ms + REPORT_LATE_MS + 1 for one in known.stays if one.was_there)
        return min((one for one in (*known.turns_ms, *late) if one > at_ms), default=NEVER_MS)

    def heard_ms(self, gateway_id: str, device: int, at_ms: int) -> int | None:
        """Tell when a gateway had last heard a device (its number); None: never that we know."""
        known = self._gateways.get(gateway_id)
        heard = known.heard.get(device) if known else None
        return heard.by(at_ms) if heard else None


@lru_cache(maxsize=65_536)
def device_number(address: str) -> int:
    """Give 48 bits that stand for a device's address."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:6])
