"""Where the servers are."""

import pytest

from schemas.errors import MisconfiguredError
from schemas.servers import KAFKA_VARIABLE, MqttServer, kafka_server, mqtt_server


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


@pytest.mark.parametrize("text", ["127.0.0.1:9092", "[::1]:9092", "a.example:9092, b.example:9093"])
def test_brokers_of_kafka_are_hosts_with_ports(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KAFKA_VARIABLE, text)
    assert kafka_server() == text


@pytest.mark.parametrize(
    "text",
    ["nonsense", "kafka://a:9092", "a:9092,", "a:0", "a:99999", "a:b", "[::1", ":9092", "n@a:1"],
)
def test_what_is_no_kafka_broker_is_told_with_an_example(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was looked for as a host of that name, and nobody was told how to write it."""
    monkeypatch.setenv(KAFKA_VARIABLE, text)
    with pytest.raises(MisconfiguredError, match=r"VITALWIRE_KAFKA is .*host:port.*127.0.0.1:9092"):
        kafka_server()
