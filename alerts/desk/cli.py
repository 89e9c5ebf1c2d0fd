"""`vitalwire alerts desk`: the command."""

from pathlib import Path
from random import Random
from secrets import token_hex

import click
import structlog

from alerts.desk.bookmark_file import BookmarkFile
from alerts.desk.channels import Channels, parse_mail_server, senders
from alerts.desk.daemon import DeskDaemon
from alerts.desk.delivery import Delivery
from schemas.clock import SystemClock
from schemas.daemon import Monitor, configure_logs, die_with_parent, stop_on_signals
from schemas.servers import kafka_server


@click.command()
@click.option(
    "--page-url",
    default="http://127.0.0.1:8000/",
    show_default=True,
    help="Where people look: every notice ends with it.",
)
@click.option(
    "--mail-server",
    envvar="VITALWIRE_MAIL_SERVER",
    metavar="URL",
    help="smtp://HOST:PORT, smtps:// with STARTTLS and a certificate that this machine trusts; "
    "without it e-mail channels fail.",
)
@click.option(
    "--mail-from",
    envvar="VITALWIRE_MAIL_FROM",
    default="vitalwire@localhost",
    show_default=True,
    help="Sender of e-mails.",
)
@click.option(
    "--bookmark",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder for a note of where a restart may begin to read; one desk's own.",
)
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: a free port.")
def desk(
    page_url: str,
    mail_server: str | None,
    mail_from: str,
    bookmark: Path | None,
    monitor_port: int,
) -> None:
    r"""Decide whom to tell of which alert, tell them, and go on until somebody answers.

    Whom: the rota of each programme, `vitalwire registry rota set FILE`.

    \b
    vitalwire alerts desk --page-url https://feed.clinic.example/ --bookmark /var/lib/vitalwire
    vitalwire alerts desk --mail-server smtps://login:password@mail.clinic.example:587
    """
    die_with_parent()
    configure_logs("alerts-desk")
    log = structlog.get_logger()
    stop, rng = stop_on_signals(), Random()  # jitter needs no seed
    channels = Channels(senders(parse_mail_server(mail_server, mail_from)), rng, stop)
    bootstrap = kafka_server()
    delivery, name = Delivery(channels), token_hex(8)
    daemon = DeskDaemon(bootstrap, delivery, SystemClock(), rng, stop, page_url, name)
    daemon.bookmark = BookmarkFile(bookmark)
    with Monitor(monitor_port, lambda: daemon.waiting_for) as monitor:
        log.info("monitor listening", port=monitor.port)
        daemon.run()
    log.info("desk.stopped")
