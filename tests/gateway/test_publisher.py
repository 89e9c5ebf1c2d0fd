"""What the publisher tells people, without a broker."""

import asyncio
import socket
from random import Random

from gateway.bedside.advice import Level, advice
from gateway.live import JournalStatus, Live, Overview
from gateway.publisher import Listener, Publisher
from schemas.servers import MqttServer
from tests.bluetooth_world import eventually


async def test_a_broker_out_of_reach_is_told_with_cause_and_way_out() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        host, port = nobody.getsockname()
        deaf = Listener(
            connected=lambda: None,
            disconnected=lambda: None,
            acknowledged=lambda _number, _heard: None,
            received=lambda _payload: None,
            configured=lambda _payload: None,
        )
        publisher = Publisher(MqttServer(host, port), "home-1", deaf, Random(1))
        running = asyncio.create_task(publisher.run())
        await eventually(lambda: "does not answer" in str(publisher.problem))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    live = Live("home-1", "v", connected=False, problems=[str(publisher.problem)])
    told = advice(Overview([], live, JournalStatus(0, 0, 1, 1)))[0]
    assert told.level is Level.PROBLEM
    assert told.what.startswith(f"The clinic's broker (MQTT) at {host}:{port} does not answer (")
    assert told.do.startswith("Check the internet connection of this home")
