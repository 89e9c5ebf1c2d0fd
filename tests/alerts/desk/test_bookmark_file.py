"""The bookmark in its file, and the process that begins with it."""

import hashlib
import zlib
from pathlib import Path

import msgspec
import pytest

from alerts.desk.bookmark import Bookmark
from alerts.desk.bookmark_file import FILE, BookmarkFile
from alerts.desk.fold import Desk
from alerts.kept_file import Last
from alerts.log import Log, LogRecord, TopicLife
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
LAST = {(ALERTS, 0): Last(6, zlib.crc32(b"six")), (ACTIONS, 0): Last(8, zlib.crc32(b""))}


def there(_: object) -> bool:
    return True


@pytest.fixture
def kept(tmp_path: Path) -> Bookmark:
    """Keep the bookmark of a desk that has an old alert open; give what another one reads."""
    file = BookmarkFile(tmp_path)
    file.begin(LIVES, ENDS, there)
    for place, end in ENDS.items():
        file.leaves_out(transition("x", at_ms=NOW_MS), place, end - 2)
    file.passed([LogRecord(ALERTS, 0, 5, None, b"five")])
    file.passed([LogRecord(ALERTS, 0, 6, None, b"six"), LogRecord(ACTIONS, 0, 8, None, None)])
    file.passed([LogRecord("other", 0, 4, None, b"x")])
    desk = fold(transition("1"), acknowledgement("1"))
    assert file.keep(desk, LIVES, {**ENDS, ("other", 0): 5}, NOW_MS)
    mark = BookmarkFile(tmp_path).begin(LIVES, ENDS, there)
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
    assert BookmarkFile(tmp_path).begin(anew, ENDS, there) is None


def test_topics_that_lost_their_ends_are_read_whole(kept: Bookmark, tmp_path: Path) -> None:
    del kept
    assert BookmarkFile(tmp_path).begin(LIVES, {**ENDS, (ACTIONS, 0): 8}, there) is None


@pytest.mark.parametrize("hold", [True, False])
def test_topics_that_go_on_with_other_records_are_read_whole(
    hold: bool, kept: Bookmark, tmp_path: Path
) -> None:
    asked: list[object] = []

    def are_there(last: object) -> bool:
        asked.append(last)
        return hold

    found = BookmarkFile(tmp_path).begin(LIVES, ENDS, are_there)
    assert found == (kept if hold else None)
    assert asked == [LAST], "of its own topics, and the last of each partition"


def test_what_was_read_last_is_known_through_a_restart_after_which_nothing_came(
    kept: Bookmark, tmp_path: Path
) -> None:
    del kept
    again = BookmarkFile(tmp_path)
    again.begin(LIVES, ENDS, there)
    assert again.keep(Desk(), LIVES, ENDS, NOW_MS)
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS, lambda last: last == LAST) is not None
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS, lambda last: last != LAST) is None


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other release"])
def test_it_counts_only_when_it_is_whole(damage: str, kept: Bookmark, tmp_path: Path) -> None:
    del kept
    path = tmp_path / FILE
    found = path.read_bytes()
    damaged = {
        "cut": found[:-40],
        "changed": found.replace(b"patient-of-a", b"patient-of-b"),
        "empty": b"",
        "other release": found.replace(b'"version":2', b'"version":3', 1),
    }
    path.write_bytes(damaged[damage])
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS, there) is None


def test_another_release_s_is_left_alone_though_it_is_whole(
    kept: Bookmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kept
    monkeypatch.setattr("alerts.desk.bookmark_file.VERSION", 3)
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS, there) is None


def test_what_another_release_writes_down_need_not_be_known_here(
    kept: Bookmark, tmp_path: Path
) -> None:
    del kept
    written = (tmp_path / FILE).read_bytes()[:-32]
    other = written.replace(b'"version":2', b'"version":3', 1).replace(b"\ne{", b"\nz{")
    assert other.count(b"\nz{") > 0
    (tmp_path / FILE).write_bytes(other + hashlib.sha256(other).digest())
    assert BookmarkFile(tmp_path).begin(LIVES, ENDS, there) is None


def test_what_was_read_of_topics_that_are_gone_says_nothing_of_those_made_anew(
    tmp_path: Path,
) -> None:
    """It would begin behind what the new ones hold: that was never read."""
    file = BookmarkFile(tmp_path)
    file.begin(LIVES, ENDS, there)
    file.leaves_out(transition("1", at_ms=NOW_MS), (ALERTS, 0), 500)
    anew = (TopicLife(ALERTS, "three", 2), TopicLife(ACTIONS, "four", 1))
    file.begin(anew, {}, there)
    reached: dict[Place, int] = {(ALERTS, 0): 2, (ALERTS, 1): 0, (ACTIONS, 0): 1}
    assert file.keep(Desk(), anew, reached, NOW_MS)
    mark = BookmarkFile(tmp_path).begin(anew, reached, there)
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
        file.begin(lives, log.ends(), there)
        assert file.keep(Desk(), lives, log.ends(), log_ms)
    with running(kafka, clock, bookmark=tmp_path) as daemon:
        assert daemon.now_ms() == log_ms


def test_a_folder_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    file = BookmarkFile(tmp_path / "gone")
    assert file.begin(LIVES, ENDS, there) is None
    assert file.keep(fold(transition("1")), LIVES, ENDS, NOW_MS)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("others", [False, True], ids=["the same", "others"])
def test_a_restart_goes_on_with_what_is_open_and_reads_what_is_past_only_if_the_log_is_another(
    others: bool, kafka: EmbeddedKafka, log: AlertLog, tmp_path: Path
) -> None:
    """A broker that lost power goes on with others, under the same offsets of the same topics."""
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
        if others:
            read_of_others(tmp_path / FILE)
        before = len(actions(kafka))
        with running(kafka, name="again", bookmark=tmp_path) as daemon:
            known = {case.alert_id for case in daemon._core.desk.cases()}
            log.put(onset("5", alert_id="later"))
            eventually(lambda: len(inbox.keys) == 2)
    assert known == {"active", "now"} | ({"over"} if others else set())
    new = actions(kafka)[before:]
    assert {name for one in new for name in one.alert_ids} == {"later"}


def read_of_others(path: Path) -> None:
    """Make a bookmark one whose last records of alerts.v1 were others."""
    header, rest = path.read_bytes()[:-32].split(b"\n", 1)
    told = msgspec.json.decode(header)
    for begin_and_end_and_last in told["places"][ALERTS].values():
        if (last := begin_and_end_and_last[2]) is not None:
            last[1] ^= 1
    written = msgspec.json.encode(told) + b"\n" + rest
    path.write_bytes(written + hashlib.sha256(written).digest())
