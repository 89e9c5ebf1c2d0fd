"""The bookmark in its file, and the process that begins with it."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from alerts.desk.bookmark import Bookmark
from alerts.desk.bookmark_file import FILE, BookmarkFile
from alerts.desk.fold import Desk
from alerts.log import Log, TopicLife
from alerts.records import Place
from schemas.alert import Action
from schemas.topics import ACTIONS, ALERTS
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import fold
from tests.alerts.desk.real_desk import actions, now_ms, onset, running, staff
from tests.alerts.desk.receivers import Inbox, web_server
from tests.servers import HandClock, eventually

DAY_MS = 24 * 3_600_000
LIVES = (TopicLife(ALERTS, "one", 2), TopicLife(ACTIONS, "two", 1), TopicLife("other", "x", 1))
NOW_MS = 100 * DAY_MS
ENDS: dict[Place, int] = {(ALERTS, 0): 7, (ALERTS, 1): 3, (ACTIONS, 0): 9}


@pytest.fixture
def kept(tmp_path: Path) -> Bookmark:
    """Keep the bookmark of a desk that has an old alert open; give what another one reads."""
    file = BookmarkFile(tmp_path)
    file.begin(LIVES, ENDS)
    for place, end in ENDS.items():
        file.leaves_out(transition("x", at_ms=NOW_MS), place, end - 2)
    desk = fold(transition("1"), acknowledgement("1"))
    assert file.keep(desk, LIVES, {**ENDS, ("other", 0): 5}, NOW_MS)
    mark = BookmarkFile(tmp_path).begin(LIVES, ENDS)
    assert mark is not None
    return mark


def test_it_is_read_as_it_was_written(kept: Bookmark) -> None:
    assert kept.carried == (transition("1"), acknowledgement("1"))
    assert kept.offsets == {place: end - 2 for place, end in ENDS.items()}
    assert kept.reached == ENDS
    assert (kept.until_ms, kept.log_ms) == (69 * DAY_MS, NOW_MS)


def test_it_is_of_its_topics_only(kept: Bookmark, tmp_path: Path) -> None:
    del kept
    anew = (LIVES[0], TopicLife(ACTIONS, "three", 1))
    assert BookmarkFile(tmp_path).begin(anew, ENDS) is None


def test_topics_that_lost_their_ends_are_read_whole(kept: Bookmark, tmp_path: Path) -> None:
    del kept
    assert BookmarkFile(tmp_path).begin(LIVES, {**ENDS, (ACTIONS, 0): 8}) is None


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other release"])
def test_it_counts_only_when_it_is_whole(damage: str, kept: Bookmark, tmp_path: Path) -> None:
    del kept
    path = tmp_path / FILE
    found = path.read_bytes()
    damaged = {
        "cut": found[:-40],
        "changed": found.replace(b"patient-of-a", b"patient-of-b"),
        "empty": b"",
        "other release": found.replace(b'"version":1', b'"version":2', 1),
    }
    path.write_bytes(damaged[damage])
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS) is None


def test_another_release_s_is_left_alone_though_it_is_whole(
    kept: Bookmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kept
    monkeypatch.setattr("alerts.desk.bookmark_file.VERSION", 2)
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS) is None


def test_what_another_release_writes_down_need_not_be_known_here(
    kept: Bookmark, tmp_path: Path
) -> None:
    del kept
    written = (tmp_path / FILE).read_bytes()[:-32]
    other = written.replace(b'"version":1', b'"version":2', 1).replace(b"\ne{", b"\nz{")
    assert other.count(b"\nz{") > 0
    (tmp_path / FILE).write_bytes(other + hashlib.sha256(other).digest())
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS) is None


def test_what_was_read_of_topics_that_are_gone_says_nothing_of_those_made_anew(
    tmp_path: Path,
) -> None:
    """It would begin behind what the new ones hold: that was never read."""
    file = BookmarkFile(tmp_path)
    file.begin(LIVES, ENDS)
    file.leaves_out(transition("1", at_ms=NOW_MS), (ALERTS, 0), 500)
    anew = (TopicLife(ALERTS, "three", 2), TopicLife(ACTIONS, "four", 1))
    file.begin(anew, {})
    reached: dict[Place, int] = {(ALERTS, 0): 2, (ALERTS, 1): 0, (ACTIONS, 0): 1}
    assert file.keep(Desk(), anew, reached, NOW_MS)
    mark = BookmarkFile(tmp_path).begin(anew, reached)
    assert mark is not None
    assert mark.offsets == reached


def test_a_clock_that_was_set_back_is_not_believed_beside_a_bookmark(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    """What told the log's time may be gone by now: the bookmark has it."""
    clock = HandClock()
    log_ms = clock.now_ms + 3_600_000
    with Log(kafka.bootstrap, (ALERTS, ACTIONS), "test") as log:
        lives = [log.life(topic) for topic in (ALERTS, ACTIONS)]
        file = BookmarkFile(tmp_path)
        file.begin(lives, log.ends())
        assert file.keep(Desk(), lives, log.ends(), log_ms)
    with running(kafka, clock, bookmark=tmp_path) as daemon:
        assert daemon.now_ms() == log_ms


def test_a_folder_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    file = BookmarkFile(tmp_path / "gone")
    assert file.begin(LIVES, ENDS) is None
    assert file.keep(fold(transition("1")), LIVES, ENDS, NOW_MS)


@pytest.mark.timeout(90)
def test_a_restart_goes_on_with_what_is_open_and_reads_nothing_that_is_past(
    kafka: EmbeddedKafka, log: AlertLog, tmp_path: Path
) -> None:
    long_ago_ms = now_ms() - 40 * DAY_MS

    def medium(event_id: str, alert_id: str, event: str = "onset") -> None:
        fields = {"severity": "medium", "at_ms": long_ago_ms}
        decided = Action("w" + event_id, [alert_id], "withhold", "desk", long_ago_ms, "p")
        log.put(
            onset(event_id, event=event, alert_id=alert_id, **fields),
            msgspec.structs.replace(decided, event_ids=[event_id], reason="attached"),
            acknowledgement(
                event_id, action_id="x" + event_id, at_ms=long_ago_ms, alert_ids=(alert_id,)
            ),
        )

    with web_server(Inbox()) as inbox:
        staff(log, inbox.url)
        medium("1", "over")
        medium("2", "over", "returned")
        medium("3", "active")
        log.put(onset("4", alert_id="now"))
        with running(kafka, bookmark=tmp_path):
            eventually(lambda: len(inbox.keys) == 1)
            eventually((tmp_path / FILE).exists)
        before = len(actions(kafka))
        with running(kafka, name="again", bookmark=tmp_path) as daemon:
            known = {case.alert_id for case in daemon._core.desk.cases()}
            log.put(onset("5", alert_id="later"))
            eventually(lambda: len(inbox.keys) == 2)
    assert known == {"active", "now"}
    new = actions(kafka)[before:]
    assert {name for one in new for name in one.alert_ids} == {"later"}
