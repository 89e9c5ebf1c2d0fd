"""How long to wait before the next try: growing, bounded, with jitter so that no herd forms."""

from random import Random


class Backoff:
    """Delays for one chain of tries; the caller sleeps, this only counts.

    Full jitter between half and the whole of an exponentially growing delay (AWS Architecture
    Blog, "Exponential Backoff And Jitter", 2015): ten thousand gateways that lost one broker do
    not come back in one second.
    """

    def __init__(self, rng: Random, first_s: float = 0.2, longest_s: float = 10.0) -> None:
        """Start at ``first_s``, double, never exceed ``longest_s``."""
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    @property
    def failures(self) -> int:
        """Tries that failed since the last success."""
        return self._failures

    def next_s(self) -> float:
        """Count a failure and give the seconds to wait now."""
        delay_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return delay_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Count a success."""
        self._failures = 0
