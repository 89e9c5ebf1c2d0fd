"""What a daemon says of the servers that it waits for."""

from structlog.testing import capture_logs

from ingest.waiting import REASONS_MAX, Condition


def said(*reasons: str | None) -> list[str]:
    """Give what is logged of these states of a server, one after another; None: it works."""
    condition = Condition("kafka")
    with capture_logs() as logs:
        for reason in reasons:
            if reason is None:
                condition.good("kafka")
            else:
                condition.bad("kafka", reason)
    return [event.get("reason", "works") for event in logs]


def test_causes_that_alternate_are_each_said_once_an_outage() -> None:
    assert said("refused", "no answer", "refused", "no answer") == ["refused", "no answer"]


def test_the_next_outage_is_said_anew() -> None:
    assert said("refused", None, None, "refused") == ["refused", "works", "refused"]


def test_readiness_tells_the_last_cause_though_it_is_not_logged_again() -> None:
    condition = Condition("kafka")
    for reason in ("refused", "no answer", "refused"):
        condition.bad("kafka", reason)
    assert condition.reason() == "kafka: refused"


def test_causes_that_are_always_new_do_not_fill_memory_or_log() -> None:
    assert len(said(*(str(number) for number in range(2 * REASONS_MAX)))) == REASONS_MAX
