import pytest

from schemas import topics


def test_a_topic_gives_back_its_gateway() -> None:
    assert topics.gateway_of(topics.mqtt_topic("home-7", "readings")) == "home-7"


@pytest.mark.parametrize(
    "topic",
    [
        "vitalwire/v1/Home/readings",
        "vitalwire/v1//readings",
        "vitalwire/v2/home/readings",
        "vitalwire/v1/home",
        "vitalwire/v1/home/readings/more",
        f"vitalwire/v1/{'a' * 65}/readings",
    ],
)
def test_a_topic_that_is_not_ours_has_none(topic: str) -> None:
    assert topics.gateway_of(topic) is None
