"""What the desk has said of one alert: whom it told, what it withheld, and what came of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from schemas.alert import Action, Withheld


@dataclass(frozen=True, slots=True)
class Notices:
    """The desk's records of an alert.

    ``chain``: notifications of its present demand since the chain began (anew), oldest first.
    ``attached``: the record that withheld the first of them, because another alert's was sent.
    ``answered``: the record that withheld it, because somebody was quicker than the desk.
    ``withheld``: what is to be said at its ``until_ms``. ``failed``: ids of notifications that no
    channel took; ``done``: of all whose delivery is over. ``after_end``: how many of the chain were
    sent after the condition had ended. ``last_ms``: the last notification of all. ``told``: names
    of everybody who was told, of whichever demand.
    """

    chain: tuple[Action, ...]
    attached: Action | None
    answered: Action | None
    withheld: Action | None
    reset: Action | None
    failed: frozenset[str]
    done: frozenset[str]
    after_end: int
    last_ms: int | None
    told: tuple[str, ...]
    retraction_told: bool

    def missed_until(self, at_ms: int) -> set[str]:
        """Name who was to be told until then, and was not reached."""
        missed = (one for one in self.chain if one.action_id in self.failed)
        return {name for one in missed if one.at_ms <= at_ms for name in one.to}

    def reached_since(self, at_ms: int) -> set[str]:
        """Name who was told after that, and was reached."""
        reached = (one for one in self.chain if one.action_id in self.done - self.failed)
        return {name for one in reached if one.at_ms > at_ms for name in one.to}

    @property
    def failures_in_a_row(self) -> int:
        """Count the notifications that reached nobody since the last one that did."""
        count = 0
        for notice in reversed(self.chain):
            if notice.to and notice.action_id not in self.failed:
                break
            count += 1
        return count


def decided_reasons(actions: Iterable[Action]) -> dict[str, set[str]]:
    """Give by event the reasons for which the desk notified or withheld."""
    found: dict[str, set[str]] = {}
    for action in actions:
        if action.kind in ("notify", "withhold"):
            for event_id in action.event_ids:
                found.setdefault(event_id, set()).add(action.reason or "")
    return found


def notices_of(
    actions: Sequence[Action],
    reset: Action | None,
    demand_index: int,
    position_of: Callable[[Action], int],
    end_index: int | None,
) -> Notices:
    """Fold the desk's records, in order of their time; ``reset`` is where the chain began anew."""
    since_ms = reset.at_ms if reset else -1
    said = sorted(
        (one for one in actions if one.kind == "notify"),
        key=lambda one: (one.at_ms, one.step),  # the steps of a millisecond are in their order too
    )
    present = [one for one in said if one.at_ms >= since_ms and position_of(one) >= demand_index]
    chain = tuple(one for one in present if one.reason != "retracted")
    withheld = [
        one
        for one in actions
        if one.kind == "withhold" and one.at_ms >= since_ms and position_of(one) >= demand_index
    ]
    waiting = sorted(
        (one for one in withheld if one.until_ms is not None),
        key=lambda one: (one.at_ms, position_of(one)),
    )
    last_told_ms = chain[-1].at_ms if chain else -1
    return Notices(
        chain=chain,
        attached=_first(withheld, "attached", demand_index, position_of),
        answered=_first(withheld, "acknowledged", demand_index, position_of),
        withheld=waiting[-1] if waiting and waiting[-1].at_ms > last_told_ms else None,
        reset=reset,
        failed=frozenset(one.answers for one in actions if one.kind == "undelivered"),
        done=frozenset(one.answers for one in actions if one.kind in ("delivered", "undelivered")),
        after_end=0 if end_index is None else sum(position_of(one) >= end_index for one in chain),
        last_ms=said[-1].at_ms if said else None,
        told=tuple(dict.fromkeys(name for one in said for name in one.to)),
        retraction_told=any(
            one.reason == "retracted" and (end_index is None or position_of(one) >= end_index)
            for one in said
        ),
    )


def _first(
    withheld: Sequence[Action],
    reason: Withheld,
    demand_index: int,
    position: Callable[[Action], int],
) -> Action | None:
    """Find the record that withheld the present demand for this reason."""
    found = (one for one in withheld if one.reason == reason and position(one) == demand_index)
    return next(found, None)
