"""What a notice says, and how what the desk does is named."""

import msgspec

from alerts.desk.message import notice_of
from alerts.desk.technical import again, identity, report, trouble_id
from schemas.alert import Action, Transition
from tests.alert_records import transition
from tests.alerts.desk.cases import case_of
from tests.alerts.desk.stories import DAY_MS
from tests.alerts.desk.virtual_desk import MONDAY_MS


def test_a_notice_names_a_patient_by_pseudonym_else_what_it_is_about() -> None:
    page = Action("key", ["a"], "notify", "desk", 7, "p", reason="onset")

    def text(patient_id: str, subject: str = "") -> str:
        case = case_of(transition("1", patient_id=patient_id, subject=subject))
        return notice_of(page, case, [], "Robin", "http://x").text

    assert text("p").startswith("CRITICAL: Severe blood pressure, patient Robin: new.")
    assert "gateway/7: new." in text("", "gateway/7")
    assert "the clinic: new." in text("", "")
    assert "Robin" not in text("", "gateway/7")


def test_a_notice_says_what_changes_what_is_to_be_done_and_nothing_that_was_measured() -> None:
    page = Action("key", ["a"], "notify", "desk", 7, "p", reason="onset")
    head = "CRITICAL: Severe blood pressure, patient Robin: new."
    do = "Call the patient now."
    link = "Open http://x to see it and to acknowledge."

    def lines(*events: Transition, others: int = 0) -> list[str]:
        case = case_of(*events)
        return notice_of(page, case, [case] * others, "Robin", "http://x").text.split("\n")

    assert lines(transition("1")) == [head, do, link]
    late = transition("1", marks=["delayed"])
    assert lines(late) == [head, "The reading came late: call the patient.", link]
    over = transition("2", "returned", at_ms=5)
    assert lines(transition("1"), over) == [
        head,
        "The last reading is back within limits.",
        link,
    ]
    assert lines(transition("1"), others=2) == [
        head,
        do,
        "2 more alerts of this patient wait.",
        link,
    ]


def test_a_webhook_is_given_what_people_read_and_the_key_of_the_message() -> None:
    page = Action("key", ["a"], "notify", "desk", 7, "p", reason="listed")
    notice = notice_of(page, case_of(transition("1")), [], "Robin", "http://x")
    assert msgspec.json.decode(notice.as_json()) == {
        "key": "key",
        "severity": "medium",
        "reason": "listed",
        "subject": "MEDIUM: Severe blood pressure, patient Robin",
        "text": notice.text,
        "at_ms": 7,
    }
    page = msgspec.structs.replace(page, reason="onset")
    notice = notice_of(page, case_of(transition("1")), [], "Robin", "http://x")
    assert (notice.key, notice.reason, notice.severity, notice.at_ms) == (
        "key",
        "onset",
        "critical",
        7,
    )


def test_names_of_what_the_desk_does_are_32_digits_and_trouble_has_one_a_day() -> None:
    assert len(identity("notify", "a")) == 32
    assert int(identity("notify", "a"), 16)
    assert identity("a", "b") != identity("ab")
    morning_ms = 20_000 * DAY_MS
    assert trouble_id("late", "home", morning_ms) == trouble_id(
        "late", "home", morning_ms + DAY_MS - 1
    )
    assert trouble_id("late", "home", morning_ms) != trouble_id("late", "home", morning_ms - 1)


def test_each_episode_of_a_day_has_a_name_of_its_own_and_the_first_is_that_of_the_day() -> None:
    first = report("late", "home", MONDAY_MS, "Readings wait.")
    assert again(first, 0) == first
    episodes = [again(first, number) for number in range(4)]
    assert len({one.action_id for one in episodes}) == 4
    assert [one.alert_ids for one in episodes] == [
        [trouble_id("late", "home", MONDAY_MS, number)] for number in range(4)
    ]
