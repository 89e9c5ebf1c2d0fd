"""`vitalwire alerts engine`: the command."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import click
import structlog

from alerts.engine.ladders.library import Library
from alerts.engine.partitions.snapshots import EVERY_MS
from alerts.engine.process.daemon import Engine
from alerts.engine.process.groups import SESSION_MS, Group
from alerts.rules.load import SHIPPED, load_books
from schemas.clock import SystemClock
from schemas.daemon import Monitor, configure_logs, die_with_parent, stop_on_signals
from schemas.servers import kafka_server

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""That are not gone by themselves; Python's own 700 is a few dozen readings."""
_LET_GO_S = 0.001
"""A write goes to Kafka's thread and back three times; each waits so long for who judges, where
Python's own 5 ms would be as much as all of Kafka's work."""


@click.command()
@click.option(
    "--books",
    type=click.Path(path_type=Path, file_okay=False),
    default=SHIPPED,
    help="Folder of rule books (default: those shipped).",
)
@click.option("--alone", is_flag=True, help="Judge all partitions, without a consumer group.")
@click.option(
    "--session",
    "session_s",
    type=click.FloatRange(3, 60),
    default=SESSION_MS / 1000,
    show_default=True,
    help="Seconds of silence after which other engines take over.",
)
@click.option(
    "--snapshots",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder for a local copy of the state, for quicker restarts; one engine's own.",
)
@click.option(
    "--snapshot-every",
    "snapshot_every_s",
    type=click.FloatRange(1, 86_400),
    default=EVERY_MS / 1000,
    show_default=True,
    help="Seconds between two snapshots of a partition.",
)
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: a free port.")
def engine(  # noqa: PLR0913, PLR0917  (one an option)
    books: Path,
    alone: bool,  # noqa: FBT001  (click gives it by name)
    session_s: float,
    snapshots: Path | None,
    snapshot_every_s: float,
    monitor_port: int,
) -> None:
    r"""Judge readings by the rules; write what begins and ends.

    Engines that run side by side share the partitions of readings.v1, and each one can take over
    from any other: start two, on two machines.

    \b
    vitalwire alerts engine --monitor-port 9104 --snapshots /var/lib/vitalwire/engine
    vitalwire alerts engine --alone        # a demo: nobody to share with
    """
    die_with_parent()
    configure_logs("alerts-engine")
    sys.setswitchinterval(_LET_GO_S)
    log = structlog.get_logger()
    loaded = load_books(books)
    bootstrap = kafka_server()
    stop = stop_on_signals()
    group = None if alone else Group(session_ms=int(session_s * 1000))
    daemon = Engine(bootstrap, Library(loaded), SystemClock(), Random(), stop, group)
    daemon.restoring = _spare_the_collector
    daemon.keep_snapshots(snapshots, int(snapshot_every_s * 1000))
    for book in loaded:
        log.info("book.loaded", book=book.name, rules=len(book.rules), sha256=book.sha256)
    with Monitor(monitor_port, lambda: daemon.waiting_for) as monitor:
        log.info("monitor listening", port=monitor.port)
        daemon.run()
    log.info("engine.stopped")


@contextmanager
def _spare_the_collector() -> Iterator[None]:
    """Let nobody look for waste in what stays: with a million patients that stops all for seconds.

    See gc.freeze(): what is in memory then is left out of every later collection. Of what comes
    later a batch of readings is many objects and no waste: it is looked for less often.
    """
    gc.collect()  # before: what is read has no waste, and to look it all through takes a while
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        gc.enable()
