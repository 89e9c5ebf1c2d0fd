import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.answers import HOUR_MS
from alerts.desk.fold import Desk
from alerts.feed.answers import (
    BODY_BYTES_MAX,
    NOTE_LENGTH_MAX,
    WHO_LENGTH_MAX,
    Answer,
    Refusal,
    deed,
    parse_answer,
)
from schemas.alert import Action, Deed
from schemas.errors import InvalidInput
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import fold

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"who": "Anna  Keller", "note": "called", "event_id": "1", "more": 7}'),
        (
            "Application/JSON; charset=utf-8",
            b'{"who":" Anna Keller ","note":"called","event_id":"1"}',
        ),
        (FORM, b"who=Anna+Keller&note=called&event_id=1"),
    ],
)
def test_forms_and_json_say_the_same(content_type: str, body: bytes) -> None:
    assert parse_answer("acknowledge", content_type, body) == Answer(
        "acknowledge", "Anna Keller", "called", "1"
    )


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        (JSON, b"{}", "no-name"),
        (JSON, b'{"who": "   "}', "no-name"),
        (JSON, b'{"who": null}', "who"),
        (JSON, b'{"who": ["Anna"]}', "who"),
        (JSON, json.dumps({"who": "x" * (WHO_LENGTH_MAX + 1)}).encode(), "who"),
        (JSON, b'{"who": "Anna\\u0000"}', "who"),
        (JSON, b'{"who": "Anna\\u202e"}', "who"),
        (JSON, json.dumps({"who": "A", "note": "x" * (NOTE_LENGTH_MAX + 1)}).encode(), "note"),
        (JSON, b'["who"]', "json"),
        (JSON, b"who=Anna", "json"),
        (JSON, b"[" * 10_000, "json"),
        (JSON, b" " * (BODY_BYTES_MAX + 1), "too-large"),
        (FORM, b"who=%ff", "form"),
        (FORM, b"", "no-name"),
        (FORM, b"&".join(b"a=1" for _ in range(99)), "form"),
        ("text/plain", b"Anna", "content-type"),
        ("", b"", "content-type"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(
    content_type: str, body: bytes, reason: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_answer("acknowledge", content_type, body)
    assert refused.value.reason == reason
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize("note", ["می\u200cخواهم", "\u200fلا يرد", "👩\u200d⚕️ angerufen"])
def test_what_keyboards_put_between_letters_is_no_reason_to_refuse_a_note(note: str) -> None:
    body = json.dumps({"who": "Anna", "note": note}).encode()
    assert parse_answer("note", JSON, body).note == note


@given(st.sampled_from([JSON, FORM]), st.binary(max_size=200))
def test_no_body_raises_anything_else(content_type: str, body: bytes) -> None:
    with suppress(InvalidInput):
        assert parse_answer("acknowledge", content_type, body).who


def desk() -> Desk:
    known = Desk()
    known.found(transition("1", severity="high"))
    known.found(transition("2", "worsened"))
    return known


def answer(event_id: str = "") -> Action | Refusal:
    return deed(desk(), "a", Answer("acknowledge", "Anna", event_id=event_id), "action-1", 5)


def test_the_record_names_who_what_and_what_was_seen() -> None:
    assert answer("2") == Action(
        "action-1", ["a"], "acknowledge", "Anna", 5, "patient-of-a", event_ids=["2"]
    )


def test_without_a_named_event_the_server_takes_the_last() -> None:
    assert answer() == answer("2")


@pytest.mark.parametrize("seen", ["1", "never-heard-of"])
def test_who_saw_less_must_read_again(seen: str) -> None:
    refused = answer(seen)
    assert isinstance(refused, Refusal)
    assert refused.status == 409


def test_an_alert_never_heard_of_is_not_found() -> None:
    refused = deed(desk(), "b", Answer("acknowledge", "Anna"), "x", 0)
    assert isinstance(refused, Refusal)
    assert refused.status == 404


def test_a_second_acknowledgement_is_recorded_and_changes_nothing() -> None:
    known = desk()
    known.done(acknowledgement("2", who="Anna"))
    second = deed(known, "a", Answer("acknowledge", "Jonas"), "action-2", 9)
    assert isinstance(second, Action)
    known.done(second)
    case = known.case("a")
    assert case is not None
    assert case.answer is not None
    assert case.answer.who == "Anna"


def do(answer: Answer, known: Desk | None = None) -> Action | Refusal:
    return deed(known or desk(), "a", answer, "action-1", 5)


@pytest.mark.parametrize(
    ("answer", "field", "value"),
    [
        (Answer("note", "Anna", note="called"), "note", "called"),
        (Answer("assign", "Anna", assignee="Jonas"), "assignee", "Jonas"),
        (Answer("shelve", "Anna", note="in hospital", hours="8"), "until_ms", 5 + 8 * HOUR_MS),
        (Answer("shelve", "Anna", note="asleep", hours="0.5"), "until_ms", 5 + HOUR_MS // 2),
        (Answer("shelve", "Anna", note="asleep", hours="0,5"), "until_ms", 5 + HOUR_MS // 2),
        (Answer("resolve", "Anna", outcome="advised"), "outcome", "advised"),
    ],
)
def test_each_deed_says_what_it_needs(answer: Answer, field: str, value: object) -> None:
    action = do(answer)
    assert isinstance(action, Action)
    assert action.kind == answer.kind
    assert getattr(action, field) == value


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer("note", "Anna"), "empty"),
        (Answer("assign", "Anna"), "whom"),
        (Answer("shelve", "Anna", note="asleep"), "how many hours"),
        (Answer("shelve", "Anna", note="asleep", hours="nan"), "how many hours"),
        (Answer("shelve", "Anna", note="asleep", hours="1e999"), "how many hours"),
        (Answer("shelve", "Anna", note="asleep", hours="8.1"), "up to 8 hours"),
        (Answer("shelve", "Anna", note="asleep", hours="-1"), "how many hours"),
        (Answer("shelve", "Anna", note="asleep", hours="0"), "how many hours"),
        (Answer("shelve", "Anna", hours="1"), "why"),
        (Answer("resolve", "Anna"), "outcome"),
        (Answer("resolve", "Anna", outcome="whatever"), "outcome"),
        (Answer("undo", "Anna"), "nothing to take back"),
        (Answer("shelve", "Anna", event_id="1", note="asleep", hours="1"), "since you saw it"),
        (Answer("resolve", "Anna", event_id="1", outcome="advised"), "since you saw it"),
    ],
)
def test_what_is_missing_is_asked_for(answer: Answer, word: str) -> None:
    refused = do(answer)
    assert isinstance(refused, Refusal)
    assert word in refused.sentence


def test_what_was_never_critical_may_be_closed_without_an_outcome_and_shelved_for_days() -> None:
    known = Desk()
    known.found(transition("1", severity="medium"))
    assert isinstance(do(Answer("resolve", "Anna"), known), Action)
    days = Answer("shelve", "Anna", note="on holiday", hours="168")
    assert isinstance(do(days, known), Action)


def test_what_is_taken_back_is_named() -> None:
    known = desk()
    known.done(acknowledgement("2", action_id="slip"))
    undo = do(Answer("undo", "Anna"), known)
    assert isinstance(undo, Action)
    assert undo.answers == "slip"
    known.done(undo)
    case = known.case("a")
    assert case is not None
    assert case.attention == "unacknowledged"
    shelf = do(Answer("shelve", "Anna", note="asleep", hours="1"), known)
    assert isinstance(shelf, Action)
    known.done(msgspec.structs.replace(shelf, action_id="shelf"))
    unshelve = do(Answer("undo", "Anna"), known)
    assert isinstance(unshelve, Action)
    assert unshelve.answers == "shelf"


@pytest.mark.parametrize("kind", ["undo", "note", "assign", "shelve", "acknowledge", "resolve"])
def test_nothing_is_added_to_what_was_finished_a_month_ago(kind: Deed) -> None:
    """A desk may know nothing of it: what wakes there would wake at one desk and not at another."""
    known = fold(
        transition("1", severity="high"),
        transition("2", "returned", "high"),
        acknowledgement("1", "2", at_ms=5),
    )
    done = Answer(kind, "Bo", "note", "2", assignee="Bo", outcome="advised", hours="1")
    month_ms = 5 + 30 * 24 * HOUR_MS
    assert isinstance(deed(known, "a", done, "act", month_ms - 1), Action)
    refused = deed(known, "a", done, "act", month_ms)
    assert isinstance(refused, Refusal)
    assert "30 days" in refused.sentence
