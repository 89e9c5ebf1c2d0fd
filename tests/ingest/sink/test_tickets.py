"""What somebody has to do at a device, by what its gateway reports."""

import msgspec

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
