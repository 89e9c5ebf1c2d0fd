"""Command lines of the intake: ``vitalwire ingest`` and ``vitalwire registry``."""

from datetime import UTC, datetime

import click

from ingest.instants import from_ms
from ingest.registry.cli import registry
from ingest.registry.plan_cli import plan
from ingest.registry.rota_cli import rota
from schemas.clock import SystemClock
from schemas.servers import database_url, kafka_server

__all__ = ["ingest", "registry"]

registry.add_command(plan)
registry.add_command(rota)

_MONITOR_PORT = click.option(
    "--monitor-port",
    default=0,
    show_default=True,
    help="Port of /metrics, /healthz and /readyz; 0 takes a free one.",
)


@click.group()
def ingest() -> None:
    """The clinic's intake: MQTT to Kafka to the database."""


@ingest.command()
@click.option(
    "--partitions",
    default=12,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Of readings.v1; chosen once, it never changes.",
)
def setup(partitions: int) -> None:
    r"""Bring the database's tables and Kafka's topics up to date; safe to repeat.

    \b
    vitalwire ingest setup
    vitalwire ingest setup --partitions 24
    """
    from ingest import database, kafka_clients

    url, kafka = database_url(), kafka_server()
    with database.connect(url, "setup") as connection:
        applied = database.migrate(connection, from_ms(SystemClock().wall_ms()))
    topics = kafka_clients.Topics(kafka)
    created = topics.create_missing(partitions)
    topics.close()
    click.echo(f"database: {', '.join(applied) or 'up to date'}")
    click.echo(f"kafka: {', '.join(created) or 'up to date'}")


@ingest.command()
@click.option("--client-id", default="bridge-0", show_default=True, help="Of MQTT and Kafka.")
@_MONITOR_PORT
def bridge(client_id: str, monitor_port: int) -> None:
    r"""Carry readings from MQTT to Kafka.

    \b
    vitalwire ingest bridge --monitor-port 9102
    """
    from ingest import daemons

    daemons.bridge(client_id, monitor_port)


@ingest.command()
@click.option("--client-id", default="sink-0", show_default=True, help="Of MQTT and Kafka.")
@_MONITOR_PORT
def sink(client_id: str, monitor_port: int) -> None:
    r"""Carry readings from Kafka to the database, and receipts back to the homes.

    \b
    vitalwire ingest sink --monitor-port 9103
    """
    from ingest import daemons

    daemons.sink(client_id, monitor_port)


@ingest.command()
@click.option(
    "--since", required=True, type=click.DateTime(["%Y-%m-%dT%H:%MZ", "%Y-%m-%d"]), help="UTC."
)
@click.option("--gateway-id", help="One home; without it, every one.")
def resend(since: datetime, gateway_id: str | None) -> None:
    r"""Ask homes for what came since then: the database was restored from a backup.

    \b
    vitalwire ingest resend --since 2026-11-01
    vitalwire ingest resend --since 2026-11-30T06:15Z --gateway-id home-17
    """
    from ingest import database
    from ingest.sink import configs

    since_ms = int(since.replace(tzinfo=UTC).timestamp() * 1000)
    with database.connect(database_url(), "resend") as connection:
        request = configs.ask_for_resend(connection, since_ms, gateway_id)
    click.echo(f"Request {request}: the sink tells {gateway_id or 'every home'} within seconds.")


@ingest.command("registry")
@_MONITOR_PORT
def publish_registry(monitor_port: int) -> None:
    r"""Publish the registry's edits to Kafka.

    \b
    vitalwire ingest registry --monitor-port 9101
    """
    from ingest import daemons

    daemons.registry(monitor_port)
