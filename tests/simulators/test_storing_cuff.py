"""A cuff that stores records, over a link that has no room for a whole one."""

from decimal import Decimal

import pytest
from bumble.att import ATT_DEFAULT_MTU

from schemas.gatt import blood_pressure_record, enhanced_blood_pressure, racp, uuids
from simulators.peripherals.models import STORING_CUFFS
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS
from tests.simulators.peer import peer


@pytest.mark.parametrize("model", ["stores-records", "cuts-records-anew"])
async def test_a_record_is_cut_to_what_the_link_has_room_for(
    world: BluetoothWorld, model: str
) -> None:
    device = STORING_CUFFS[model].build(CUFF_ADDRESS, CLOCK)
    await world.add(device, bonded=True)
    device.take(150, 95, 70)
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(uuids.BLOOD_PRESSURE_RECORD, uuids.RECORD_ACCESS_CONTROL_POINT)
        connection = device._link.connection
        assert connection is not None
        connection.att_mtu = ATT_DEFAULT_MTU  # as long as a host asks for no more
        for _ in range(2):
            await client.ask(racp.REPORT_ALL)
        sent = client.of(uuids.BLOOD_PRESSURE_RECORD)
    assert max(map(len, sent)) <= ATT_DEFAULT_MTU - 3
    last = [blood_pressure_record.decode_segment(payload, checksum=True) for payload in sent[-2:]]
    measurement = enhanced_blood_pressure.decode(blood_pressure_record.join(last).payload)
    assert measurement.systolic == Decimal(150)
