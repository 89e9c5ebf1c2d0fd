"""Where the servers are."""

import pytest

from schemas.errors import MisconfiguredError
from schemas.servers import MqttServer, mqtt_server


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("mqtt://broker.example:8883", MqttServer("broker.example", 8883)),
        ("mqtt://127.0.0.1", MqttServer("127.0.0.1", 1883)),
        ("mqtt://[::1]:1884", MqttServer("::1", 1884)),
    ],
)
def test_a_broker_has_an_address(url: str, server: MqttServer) -> None:
    assert mqtt_server(url) == server


@pytest.mark.parametrize(
    "url", ["mqtt://nurse:secret@a", "mqtt://nurse@a:1883", "mqtt://nurse:sec/ret@a", "secret@a"]
)
def test_a_name_and_password_would_not_be_used_and_are_not_shown(url: str) -> None:
    with pytest.raises(MisconfiguredError, match="no name and password here") as refused:
        mqtt_server(url)
    assert "secret" not in str(refused.value)
    assert "nurse" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["localhost", "http://a", "mqtt://", "mqtt://a:99999", "mqtt://a:b", "mqtt://[::1"]
)
def test_what_is_no_address_is_told_with_an_example(url: str) -> None:
    with pytest.raises(MisconfiguredError, match=r"no MQTT address.*mqtt://127.0.0.1:1883"):
        mqtt_server(url)
