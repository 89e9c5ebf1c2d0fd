"""`vitalwire alerts watch`: the command."""

import threading
from contextvars import copy_context
from random import Random
from urllib.parse import urlsplit

import click
import msgspec
import structlog

from alerts.desk.channels import Channels, parse_mail_server, senders
from alerts.watcher.run import Watch, Watcher
from schemas.clock import SystemClock
from schemas.daemon import Monitor, configure_logs, die_with_parent, stop_on_signals
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.rota import Channel
from schemas.servers import kafka_server, mqtt_server

_LOOK_EVERY_S = 1.0
_STOP_WITHIN_S = 8.0


@click.command()
@click.option(
    "--tell",
    multiple=True,
    default=("log",),
    show_default=True,
    metavar="KIND[=ADDRESS]",
    help="log, webhook=URL, email=ADDRESS; repeatable, each is told.",
)
@click.option(
    "--ready",
    multiple=True,
    metavar="URL",
    help="A daemon's /readyz that must answer, such as the desk's and the page's; repeatable.",
)
@click.option(
    "--heartbeat",
    metavar="URL",
    help="Called each minute while all is well; its receiver tells people when it stops.",
)
@click.option(
    "--period-s",
    default=60.0,
    show_default=True,
    type=click.FloatRange(15.0, 60.0),
    help="One look, one canary: three that do not come back are told.",
)
@click.option("--mail-server", envvar="VITALWIRE_MAIL_SERVER", metavar="URL")
@click.option("--mail-from", envvar="VITALWIRE_MAIL_FROM", default="vitalwire@localhost")
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: a free port.")
def watch(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    tell: tuple[str, ...],
    ready: tuple[str, ...],
    heartbeat: str | None,
    period_s: float,
    mail_server: str | None,
    mail_from: str,
    monitor_port: int,
) -> None:
    r"""Watch alerting itself; say that it is down, by ways that need nothing of it.

    Each minute it sends a canary, a made-up reading of nobody, to the MQTT broker, and waits for
    what the desk decides on it. It reaches no page, no table and no count of patients.

    Run it on another machine than the rest, and let a service outside the clinic wait for its
    heartbeat: if both fall silent, that service calls.

    \b
    vitalwire alerts watch --tell webhook=https://pager.clinic.example/critical \
        --ready http://127.0.0.1:9109/readyz --heartbeat https://switch.example/3f2a
    """
    die_with_parent()
    configure_logs("alerts-watch")
    stop, rng = stop_on_signals(), Random()  # jitter needs no seed
    bootstrap = kafka_server()
    told = [_channel(text) for text in tell]
    for url in (*ready, *filter(None, [heartbeat])):
        _check_address(url)
    channels = Channels(senders(parse_mail_server(mail_server, mail_from)), rng, stop)
    settings = Watch(bootstrap, mqtt_server(), told, ready, heartbeat, period_s)
    watcher = Watcher(settings, channels, SystemClock(), rng, stop)
    with Monitor(monitor_port, lambda: watcher.trouble) as monitor:
        structlog.get_logger().info("monitor listening", port=monitor.port)
        context = copy_context()  # a thread starts with an empty one, and its log lines nameless
        worker = threading.Thread(target=context.run, args=(watcher.run,), daemon=True)
        worker.start()
        while not stop.wait(_LOOK_EVERY_S):
            if not worker.is_alive():  # a mistake of ours; its traceback is in the log
                raise UnavailableError("The watcher ended by itself.", "Start it again.")
        worker.join(_STOP_WITHIN_S)


def _channel(text: str) -> Channel:
    kind, _, address = text.partition("=")
    try:
        channel = msgspec.convert({"kind": kind, "address": address}, Channel)
    except msgspec.ValidationError:
        channel = None
    if channel is None or (kind != "log" and not address):
        raise MisconfiguredError(
            f"--tell {text} is no way to tell anybody.",
            "Write log, webhook=https://pager.example/1, or email=somebody@clinic.example.",
        )
    return channel


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise MisconfiguredError(
            f"{url} is no address to ask.", "Write it as http://127.0.0.1:9105/readyz."
        )
