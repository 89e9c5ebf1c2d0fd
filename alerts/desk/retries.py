"""What follows notices that no channel took: whoever was not tried, at once; then the same, later.

The chain of a small clinic may be one person: the next step is nobody new, and to ring at once
where nothing answered is of no use. So a round tries everybody once, and the next one waits: at
first seconds, as for a pager's gateway that is started anew, then up to a step of the chain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

from schemas.alert import Action

_FIRST_MS = 15_000
_DOUBLINGS_MAX = 10


@dataclass(frozen=True, slots=True)
class InVain:
    """The rounds since anybody was reached; ``tried``: whom the last of them could not reach."""

    rounds: int
    tried: frozenset[str]

    def has_new(self, people: Iterable[str]) -> bool:
        """Whether there is anybody among them whom this round has not tried."""
        return not self.tried.issuperset(people)


def in_vain(notices: Sequence[Action]) -> InVain:
    """Count the rounds of notices that reached nobody, the oldest first."""
    rounds, tried = 0, frozenset[str]()
    for one in notices:
        if not rounds or tried.issuperset(one.to):
            rounds, tried = rounds + 1, frozenset(one.to)
        else:
            tried |= frozenset(one.to)
    return InVain(rounds, tried)


def pause_ms(rounds: int, last: Action, longest_ms: int) -> int:
    """Give how long after the last notice of a round the next one begins.

    Half to whole of what doubles with each (``schemas/backoff.py`` says why); which part follows
    from the notice's name, so that a desk that starts again reckons the same.
    """
    whole_ms = min(longest_ms, _FIRST_MS << min(rounds - 1, _DOUBLINGS_MAX))
    return whole_ms // 2 + whole_ms * crc32(last.action_id.encode()) // 2**33
