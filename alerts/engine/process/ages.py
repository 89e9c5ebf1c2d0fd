"""A histogram that counts many ages at once: prometheus_client's takes 3 µs for each of them."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import INF, floatToGoString


class Ages(Collector):
    """Ages in seconds; ``bounds_s`` ascend, and an age that is one of them is below it."""

    def __init__(
        self,
        name: str,
        documentation: str,
        bounds_s: Sequence[int],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """Start with none, and be among what the registry shows."""
        self._name, self._documentation = name, documentation
        self._bounds_s = bounds_s
        self._counted = np.zeros(len(bounds_s) + 1, np.int64), 0.0
        """How many are below each bound and not below the one before, and the sum: replaced
        together, for another thread reads them."""
        registry.register(self)

    def observe(self, ages_ms: Sequence[int]) -> None:
        """Count ages in ms; from one thread."""
        counts, sum_s = self._counted
        ages_s = np.array(ages_ms, np.float64) / 1000
        below = np.searchsorted(self._bounds_s, ages_s)
        more = np.bincount(below, minlength=len(counts))
        self._counted = counts + more, sum_s + float(ages_s.sum())

    def collect(self) -> Iterable[Metric]:
        """Show them."""
        counts, sum_s = self._counted
        bounds = map(floatToGoString, [*self._bounds_s, INF])
        buckets = [*zip(bounds, accumulate(counts.tolist()), strict=True)]
        yield HistogramMetricFamily(self._name, self._documentation, buckets, sum_s)
