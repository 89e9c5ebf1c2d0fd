"""`vitalwire alerts projector`: the command."""

import threading
from contextvars import copy_context
from random import Random

import click
import structlog

from alerts.database import database_url
from alerts.projector.run import Projector
from schemas.clock import SystemClock
from schemas.daemon import Monitor, configure_logs, die_with_parent, stop_on_signals
from schemas.errors import UnavailableError
from schemas.servers import kafka_server

_STOP_WITHIN_S = 4.0
_LOOK_EVERY_S = 1.0


@click.command()
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: a free port.")
def projector(monitor_port: int) -> None:
    r"""Keep the alert tables of PostgreSQL up to date.

    \b
    vitalwire alerts projector --monitor-port 9105
    """
    kafka, url = kafka_server(), database_url()
    die_with_parent()
    configure_logs("projector")
    stop = stop_on_signals()
    projection = Projector(
        kafka,
        url,
        SystemClock(),
        Random(),  # jitter needs no seed
    )
    with Monitor(monitor_port, lambda: projection.trouble) as monitor:
        structlog.get_logger().info("monitor listening", port=monitor.port)
        context = copy_context()  # a thread starts with an empty one, and its log lines nameless
        worker = threading.Thread(target=context.run, args=(projection.run,), daemon=True)
        worker.start()
        while not stop.wait(_LOOK_EVERY_S):
            if not worker.is_alive():  # a mistake of ours; its traceback is in the log
                raise UnavailableError("The projector ended by itself.", "Start it again.")
        projection.stop()
        worker.join(_STOP_WITHIN_S)
