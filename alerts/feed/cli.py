"""`vitalwire alerts feed`: the command."""

import asyncio
import math
import os
import signal
import socket
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import structlog

from alerts.feed.bookmark_file import PageBookmark
from alerts.feed.hub import Pace
from alerts.feed.serve import FeedSettings, listen, running_feed
from alerts.feed.web import readiness
from schemas.daemon import Monitor, configure_logs, die_with_parent
from schemas.errors import MisconfiguredError
from schemas.servers import kafka_server
from schemas.time_zone import zone_named


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only, for now.")
@click.option("--port", default=8000, show_default=True, help="Where the page is; 0: a free port.")
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: a free port.")
@click.option(
    "--heartbeat-s",
    default=Pace().heartbeat_s,
    show_default=True,
    type=float,
    help="How often each page hears that the server lives.",
)
@click.option(
    "--silence-s",
    default=Pace().silence_s,
    show_default=True,
    type=float,
    help="A page that has heard nothing for so long turns red.",
)
@click.option(
    "--bookmark",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder for what the page knows, so that a restart need not read it; one page's own.",
)
def feed(host: str, port: int, monitor_port: int, bookmark: Path | None, **pace_s: float) -> None:
    r"""Show alerts and readings: a page, a stream, an API.

    \b
    vitalwire alerts feed
    vitalwire alerts feed --port 8080 --monitor-port 9106 --bookmark /var/lib/vitalwire
    """
    pace = Pace(**pace_s)
    if not 0 < pace.heartbeat_s < pace.silence_s < math.inf:
        raise MisconfiguredError(
            f"A page that hears from here each {pace.heartbeat_s:g} s and turns red after "
            f"{pace.silence_s:g} s of silence is red for ever, or never.",
            "Choose a --silence-s of several --heartbeat-s.",
        )
    die_with_parent()
    configure_logs("feed")
    settings = FeedSettings(kafka_server(), machines_zone(), pace, bookmark=PageBookmark(bookmark))
    with listen(host, port) as listener:
        asyncio.run(_serve(settings, listener, monitor_port))


def machines_zone(localtime: Path = Path("/etc/localtime")) -> ZoneInfo:
    """Give the zone that this machine is set to, by name: an offset is wrong half of the year.

    ``TZ`` if it names one, else what ``localtime`` links to, else UTC.
    """
    linked = str(localtime.resolve()).partition("/zoneinfo/")[2]
    named = os.environ.get("TZ", "").removeprefix(":")
    return zone_named(named) or zone_named(linked) or ZoneInfo("UTC")


async def _serve(settings: FeedSettings, listener: socket.socket, monitor_port: int) -> None:
    log = structlog.get_logger()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port, *_ = listener.getsockname()
    async with running_feed(settings, listener) as running:
        with Monitor(monitor_port, lambda: readiness(running.hub, settings.pace)) as monitor:
            log.info("monitor listening", port=monitor.port)
            log.info("feed listening", host=host, port=port)
            await running.until(stop)
            log.info("feed stopping")
