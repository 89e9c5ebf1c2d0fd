"""A restart with the state of a million patients; otherwise as ``bench.engine_restart``.

Filling the topics is most of it: 43 s of one core for the registry, 60 s for each of four
partitions (half of it judges, a quarter reads, a fifth writes); the embedded broker takes hardly
any time, and keeps two gigabytes in memory. On a core that is free this is about five minutes.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.engine_restart import create, restarts
from bench.record import Figure
from simulators.stack.kafka import EmbeddedKafka

PATIENTS = 1_000_000
RESTART_S_MAX = 60


def run() -> Iterator[Figure]:
    """Measure it."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        create(kafka)
        yield from restarts(kafka, Path(folder), PATIENTS, RESTART_S_MAX)
