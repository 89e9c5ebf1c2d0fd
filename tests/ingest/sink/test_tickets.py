"""What somebody has to do at a device, by what its gateway reports."""

from datetime import datetime

import msgspec
import pytest

from ingest.registry import entries
from schemas import topics
from schemas.kafka import GatewayReport
from schemas.wire import DeviceState, Health
from tests.ingest.factories import GATEWAY, RECEIVED_MS
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.looking import Database


def test_a_low_battery_is_a_ticket_until_its_gateway_says_otherwise(
    bench: Bench, other: Database
) -> None:
    tickets = []
    weak = DeviceState("C0:FF:EE:00:00:01", battery_low=True)
    flat = DeviceState("C0:FF:EE:00:00:02", battery_percent=20)
    well = DeviceState("C0:FF:EE:00:00:03", battery_percent=21)
    for later_ms, devices in ((0, [weak, flat, well]), (1, [well])):
        health = Health("online", devices=devices)
        report = msgspec.json.encode(GatewayReport(GATEWAY, RECEIVED_MS + later_ms, health))
        bench.send(topics.GATEWAYS, report)
        bench.sink().drain()
        tickets.append([(one.address, one.battery_percent) for one in entries.tickets(other)])
    assert tickets == [[("C0:FF:EE:00:00:01", None), ("C0:FF:EE:00:00:02", 20)], []]


@pytest.mark.parametrize("together", [True, False])
def test_a_ticket_stays_while_its_gateway_is_offline_and_says_when_the_device_was_heard(
    bench: Bench, other: Database, together: bool
) -> None:
    weak = DeviceState("C0:FF:EE:00:00:01", battery_low=True, last_seen_s=60)
    reports = [
        msgspec.json.encode(GatewayReport(GATEWAY, RECEIVED_MS + later_ms, health))
        for later_ms, health in ((0, Health("online", devices=[weak])), (1_000, Health("offline")))
    ]
    for batch in [reports] if together else [[one] for one in reports]:
        bench.send(topics.GATEWAYS, *batch)
        bench.sink().drain()
    (ticket,) = entries.tickets(other)
    assert (ticket.address, ticket.gateway_state) == (weak.address, "offline")
    assert ticket.last_heard_at is not None
    heard = datetime.fromisoformat(ticket.last_heard_at).timestamp()
    assert heard == RECEIVED_MS // 1000 - 60


def test_of_a_gateway_that_was_started_anew_nobody_claims_when_it_heard_the_device(
    bench: Bench, other: Database
) -> None:
    remembered = DeviceState("C0:FF:EE:00:00:01", battery_low=True)
    health = Health("online", devices=[remembered])
    bench.send(topics.GATEWAYS, msgspec.json.encode(GatewayReport(GATEWAY, RECEIVED_MS, health)))
    bench.sink().drain()
    (ticket,) = entries.tickets(other)
    assert (ticket.address, ticket.last_heard_at) == (remembered.address, None)
