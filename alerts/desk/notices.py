"""What the desk has said of one alert: whom it told, what it withheld, and what came of it."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from alerts.desk.retries import InVain, in_vain
from schemas.alert import Action, Withheld


@dataclass(frozen=True, slots=True)
class Notices:
    """The desk's records of an alert.

    ``chain``: notifications of its present demand since the chain began (anew), oldest first.
    ``attached``: the record that withheld the first of them, because another alert's was sent; it
    settles what was withheld before. ``anew``: the chain began anew, by ``reset``, for the demand.
    ``answered``: the record that withheld it, because somebody was quicker than the desk.
    ``withheld``: what is to be said at its ``until_ms``. ``failed``: ids of notifications that no
    channel took; ``done``: of all whose delivery is over. ``after_end``: those of the chain that
    were sent after the condition had ended. ``overtaken``: ids of notifications that nobody needs
    to hear any more, whatever the alert asks for now. ``last_ms``: the last notification of all,
    but for the one that it was taken back. ``told``: names of everybody who was told, of whichever
    demand, but for those whom no channel reached. ``retraction_done``: it is known what came of
    telling them that it was taken back.
    """

    chain: tuple[Action, ...]
    attached: Action | None
    answered: Action | None
    withheld: Action | None
    reset: Action | None
    anew: bool
    failed: frozenset[str]
    done: frozenset[str]
    after_end: tuple[Action, ...]
    overtaken: frozenset[str]
    last_ms: int | None
    told: tuple[str, ...]
    retraction_told: bool
    retraction_done: bool

    def reached(self, notice: Action) -> bool:
        """Tell whether somebody was told, or may be: nothing is known of a delivery under way."""
        return bool(notice.to) and notice.action_id not in self.failed

    def missed(self, after_ms: int, until_ms: int) -> set[str]:
        """Name who was to be told in that time, and was not reached."""
        missed = (one for one in self.chain if one.action_id in self.failed)
        return {name for one in missed if after_ms < one.at_ms <= until_ms for name in one.to}

    def reached_since(self, at_ms: int) -> set[str]:
        """Name who was told after that, and was reached."""
        reached = (one for one in self.chain if one.action_id in self.done - self.failed)
        return {name for one in reached if one.at_ms > at_ms for name in one.to}

    @property
    def in_vain(self) -> InVain:
        """Count the rounds that reached nobody since the last notification that did."""
        row = takewhile(lambda notice: not self.reached(notice), reversed(self.chain))
        return in_vain([*row][::-1])


def decided_reasons(actions: Iterable[Action]) -> dict[str, set[str]]:
    """Give by event the reasons for which the desk notified or withheld."""
    found: dict[str, set[str]] = {}
    for action in actions:
        if action.kind in ("notify", "withhold"):
            for event_id in action.event_ids:
                found.setdefault(event_id, set()).add(action.reason or "")
    return found


@dataclass(frozen=True, slots=True)
class Places:
    """Places of an alert's events: of what asked for attention, and of what followed on the last.

    ``silenced``: of the last that anybody answered or shelved. ``ended``: of what ended the
    condition; ``confirmed``: of what confirmed the demand; ``of`` gives the last event that a
    record is about.
    """

    demands: Sequence[int]
    silenced: int
    ended: int | None
    confirmed: int | None
    of: Callable[[Action], int]

    @property
    def demand(self) -> int:
        """Give the place of what asked for attention last."""
        return self.demands[-1]

    def demand_of(self, notice: Action) -> int:
        """Give the place of what asked for attention as somebody was to be told."""
        return max((one for one in self.demands if one <= self.of(notice)), default=0)


def notices_of(actions: Sequence[Action], reset: Action | None, places: Places) -> Notices:
    """Fold the desk's records, in order of their time; ``reset`` is where the chain began anew."""
    since_ms = reset.at_ms if reset else -1
    said = sorted(
        (one for one in actions if one.kind == "notify"),
        key=lambda one: (one.at_ms, one.step),  # the steps of a millisecond are in their order too
    )
    present = [one for one in said if one.at_ms >= since_ms and places.of(one) >= places.demand]
    chain = tuple(one for one in present if one.reason != "retracted")
    withheld = [
        one
        for one in actions
        if one.kind == "withhold" and one.at_ms >= since_ms and places.of(one) >= places.demand
    ]
    failed = frozenset(one.answers for one in actions if one.kind == "undelivered")
    done = frozenset(one.answers for one in actions if one.kind in ("delivered", "undelivered"))
    taken_back = [
        one
        for one in said
        if one.reason == "retracted" and (places.ended is None or places.of(one) >= places.ended)
    ]
    waiting = sorted(
        (one for one in withheld if one.until_ms is not None),
        key=lambda one: (one.at_ms, places.of(one)),
    )
    attached = _first(withheld, "attached", {places.demand, places.confirmed}, places.of)
    over = _first(withheld, "resolved-before-seen", {places.demand}, places.of)
    settling = (*chain[-1:], attached, over)
    settled_ms = max([one.at_ms for one in settling if one is not None], default=-1)
    return Notices(
        chain=chain,
        attached=attached,
        answered=_first(withheld, "acknowledged", {places.demand}, places.of),
        withheld=waiting[-1] if waiting and waiting[-1].at_ms > settled_ms else None,
        reset=reset,
        anew=reset is not None and places.of(reset) >= places.demand,
        failed=failed,
        done=done,
        after_end=()
        if places.ended is None
        else tuple(one for one in chain if places.of(one) >= places.ended),
        overtaken=frozenset(
            one.action_id
            for one in said
            if places.demand_of(one) <= places.silenced
            or (chain and places.demand_of(one) < places.demand)
        ),
        last_ms=max((one.at_ms for one in said if one.reason != "retracted"), default=None),
        told=tuple(
            dict.fromkeys(name for one in said if one.action_id not in failed for name in one.to)
        ),
        retraction_told=bool(taken_back),
        retraction_done=any(one.action_id in done for one in taken_back),
    )


def _first(
    withheld: Sequence[Action],
    reason: Withheld,
    indices: Container[int | None],
    position: Callable[[Action], int],
) -> Action | None:
    """Find the record that withheld one of these events for this reason."""
    found = (one for one in withheld if one.reason == reason and position(one) in indices)
    return next(found, None)
