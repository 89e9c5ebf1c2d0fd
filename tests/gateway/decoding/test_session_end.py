"""Which record is the newest of its session, and which must wait to learn it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as replaced

from gateway.bluetooth.acquaintance import Acquaintance
from gateway.clocks.timeline import Timeline
from gateway.decoding.decode import decode
from gateway.decoding.session_end import (
    NO_MEMORY,
    Memory,
    Undecided,
    coincidence,
    cut_off,
    must_wait,
    newest,
    newest_so_far,
    record_at,
    undecided,
)
from gateway.record import (
    BLOOD_PRESSURE,
    BLOOD_PRESSURE_RECORD,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    DeviceClock,
    Entry,
    Moment,
    SessionFacts,
)
from gateway.record import Record as Row
from gateway.record_access.cursor import Cursor
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.reading import Capture, Coincidence, Device, Reading
from schemas.stamp import Sending, stamp
from tests.gateway.records import (
    ADDRESS,
    BOOT,
    CLOCK_READ,
    SHOWN,
    cuff_payload,
    entry,
    meter_payload,
    record,
)

GATEWAY = "home-1"
DAY = timedelta(days=1)


def test_no_record_no_newest() -> None:
    assert newest([]) is None
    assert newest([record(1, b"\x00\x01\x02")]) is None


def test_a_cuffs_latest_stamp_wins_whatever_the_order() -> None:
    payloads = [cuff_payload(SHOWN), cuff_payload(SHOWN + DAY), cuff_payload(SHOWN - DAY)]
    assert newest([record(seq, payload) for seq, payload in enumerate(payloads, 1)]) == 2


def test_of_equal_stamps_the_last_to_arrive_wins() -> None:
    assert newest([record(seq, cuff_payload()) for seq in (1, 2)]) == 2


def test_where_one_stamp_is_missing_the_last_to_arrive_wins() -> None:
    payloads = [cuff_payload(SHOWN + DAY), cuff_payload(None), cuff_payload(SHOWN)]
    assert newest([record(seq, payload) for seq, payload in enumerate(payloads, 1)]) == 3


def test_a_meters_highest_number_wins() -> None:
    numbers = [3, 5, 4]
    rows = [record(seq, meter_payload(number), GLUCOSE) for seq, number in enumerate(numbers, 1)]
    assert newest(rows) == 2


def test_numbers_that_wrap_within_a_session_go_on_after_65535() -> None:
    numbers = [1, 65534, 65535, 0]  # a meter tells its last one first
    rows = [record(seq, meter_payload(number), GLUCOSE) for seq, number in enumerate(numbers, 1)]
    assert newest(rows) == 1


def rows_of(*numbers: int) -> list[Row]:
    return [record(seq, meter_payload(one), GLUCOSE) for seq, one in enumerate(numbers, 1)]


def test_what_a_meter_calls_its_last_is_the_newest_though_it_counts_anew() -> None:
    """It kept what it had: a hypo measured under number 1 must not be taken for an old one."""
    rows = rows_of(1, 299, 300)
    last = Cursor.at(1, rows[0].payload)
    assert newest(rows, Memory(last, known=Cursor.at(300, rows[2].payload))) == 1
    assert newest(rows, Memory(last)) == 1
    assert newest(rows) == 3


def test_what_was_known_before_was_not_just_measured() -> None:
    """A meter that has nothing new gives its last known record again."""
    rows = rows_of(7)
    known = Cursor.at(7, rows[0].payload)
    assert newest(rows, Memory(known, known)) is None
    assert newest_so_far(rows, Memory(known, known)) is None
    other = Cursor.at(7, b"of another memory")
    assert newest(rows, Memory(known, other)) == 1


def test_of_a_broken_session_only_what_its_meter_called_its_last_is_known() -> None:
    rows = rows_of(5, 3, 4)
    assert newest_so_far(rows, Memory(Cursor.at(5, rows[0].payload))) == 1
    assert newest_so_far(rows, Memory(Cursor.at(5, b"that did not come"))) is None
    assert newest_so_far(rows, NO_MEMORY) is None


def test_a_broken_session_is_undecided_only_where_its_meter_named_no_last() -> None:
    """What was known before is nobody's news, to a replaced gateway by the server's cursor too."""
    rows, facts = rows_of(3, 5, 4), SessionFacts("session", Device(ADDRESS), ended=True)
    highest = Cursor.at(5, rows[1].payload)
    told = replace(facts, undecided=2)
    assert undecided(facts, rows) == Undecided(told, 2, highest.record)
    left_open = replace(told, ended=False)  # by another run, whatever the cursor is by now
    assert undecided(left_open, rows, Memory(known=highest)) == Undecided(told, 2, highest.record)
    assert undecided(facts, rows, Memory(last=highest)) is None
    assert undecided(facts, rows[1:2], Memory(known=highest)) is None
    assert undecided(facts, [record(1, cuff_payload(None))], NO_MEMORY) is None
    assert record_at(rows, None) is None


def test_the_last_record_in_segments_is_known_by_what_it_holds() -> None:
    stored = [Record(sequence=one, characteristic=0x2A35, payload=cuff_payload()) for one in (1, 9)]
    payloads = [encode_segment(part) for one in stored for part in split(one, 5, checksum=False)]
    rows = [record(seq, part, BLOOD_PRESSURE_RECORD) for seq, part in enumerate(payloads, 1)]
    last = Cursor.at(1, b"\x2a\x35" + cuff_payload())
    assert newest(rows, Memory(last)) == len(rows) // 2
    assert newest(rows) == len(rows)


def test_what_is_sent_at_once_and_kept_too_without_a_time_is_dated_once() -> None:
    """Nobody can tell whether the stored record is that very measurement, or one just like it.

    So they are two readings. But only the one that was sent at once is known to be new: the other
    one may be of any time, and no rule counts it.
    """
    packet = cuff_payload(None)
    stored = Record(sequence=7, characteristic=0x2A35, payload=packet)
    (segment,) = split(stored, part_size=20, checksum=False)
    sent, kept = record(1, packet), record(2, encode_segment(segment), BLOOD_PRESSURE_RECORD)
    for rows in ([sent, kept], [replace(kept, seq=1), replace(sent, seq=2)]):
        facts = SessionFacts("session", Device(ADDRESS), ended=True, newest=newest(rows))
        told = {row.characteristic: decode(Entry(row, facts), GATEWAY) for row in rows}
        at_once, from_memory = told[BLOOD_PRESSURE], told[BLOOD_PRESSURE_RECORD]
        assert isinstance(at_once, Reading)
        assert isinstance(from_memory, Reading)
        assert at_once.reading_id != from_memory.reading_id
        assert at_once.session_newest
        sending = Sending(received_ms=1_800_000_000_000, boot_id=BOOT, monotonic_ms=9_000)
        assert stamp(at_once, sending).quality == "receipt"
        assert stamp(from_memory, sending).quality == "untrusted"


def test_the_freshest_stamp_of_a_session_lies_beside_its_capture() -> None:
    wall_ms = 1_800_000_000_000
    rows = [
        replace(row, capture=replaced(row.capture, wall_ms=wall_ms + row.seq))
        for row in (
            record(1, cuff_payload(SHOWN)),
            record(2, cuff_payload(SHOWN + DAY)),
            record(3, cuff_payload(SHOWN - 20 * 366 * DAY)),  # a clock that was never set
            record(4, b"\x00"),
        )
    ]
    assert coincidence(rows) == Coincidence(wall_ms + 2, "2026-03-15T07:05:09")
    assert coincidence(rows[2:]) is None
    assert coincidence([record(1, cuff_payload(SHOWN))]) is None  # no true wall clock


def test_the_stamp_of_a_record_in_segments_lies_beside_its_last_one() -> None:
    wall_ms = 1_800_000_000_000
    records = [
        Record(sequence=number, characteristic=0x2A35, payload=cuff_payload(shown))
        for number, shown in enumerate((SHOWN + DAY, SHOWN), 7)
    ]
    later, earlier = (
        [encode_segment(segment) for segment in split(kept, 5, checksum=True)] for kept in records
    )
    assert len(later) == 3
    # An answer that was broken off after two segments, another record, and the rest.
    payloads = [*later[:2], *earlier, later[2]]
    rows = [
        replace(row, capture=replaced(row.capture, wall_ms=wall_ms + row.seq))
        for row in (
            record(seq, payload, BLOOD_PRESSURE_RECORD) for seq, payload in enumerate(payloads, 1)
        )
    ]
    assert coincidence(rows) == Coincidence(wall_ms + 6, "2026-03-15T07:05:09")
    assert coincidence(rows[:2]) is None


def test_scales_oximeters_and_thermometers_go_by_their_stamps() -> None:
    older, newer = "EA07030E070508", "EA07030E070509"
    for characteristic, head in (
        ("2a9d", "027841"),
        ("2a5e", "0161004800"),
        ("2a1c", "026C0100FF"),
    ):
        rows = [
            record(seq, bytes.fromhex(head + stamp), characteristic)
            for seq, stamp in enumerate((newer, older), 1)
        ]
        assert newest(rows) == 1


def test_contexts_and_broken_payloads_are_no_measurements() -> None:
    rows = [
        record(1, cuff_payload(), BLOOD_PRESSURE),
        record(2, b"\x02\x07\x00\x01", GLUCOSE_CONTEXT),
        record(3, b"\x00", BLOOD_PRESSURE),
    ]
    assert newest(rows) == 1


def test_a_record_with_a_trusted_time_leaves_at_once() -> None:
    assert not must_wait(entry(record(1, cuff_payload())), GATEWAY)


@pytest.mark.parametrize(
    ("payload", "clock"),
    [
        (cuff_payload(None), DeviceClock(SHOWN, 0)),  # no stamp
        (cuff_payload(), None),  # the device's clock could not be read
        (cuff_payload(), DeviceClock(SHOWN - DAY, 0)),  # a stamp from the future
        (cuff_payload(), DeviceClock(SHOWN.replace(year=2000), 0)),  # never set
    ],
)
def test_a_record_without_a_trusted_time_waits_for_the_end(
    payload: bytes, clock: DeviceClock | None
) -> None:
    assert must_wait(entry(record(1, payload), clock), GATEWAY)
    assert not must_wait(entry(record(1, payload), clock, ended=True), GATEWAY)


def test_what_cannot_be_decoded_has_nothing_to_wait_for() -> None:
    assert not must_wait(entry(record(1, b"\x00")), GATEWAY)


KNOWN = SessionFacts("", Device(ADDRESS, "Cuff", serial="1"), features={"2a49": 3}, name="CUFF")


def test_a_session_that_was_cut_off_has_its_clock_and_what_is_known_of_its_device() -> None:
    early = SessionFacts("session", Device(ADDRESS), CLOCK_READ)
    facts, timeline = cut_off(early, KNOWN, [record(1, cuff_payload())], Timeline())
    assert facts == replace(KNOWN, session_id="session", clock=CLOCK_READ, ended=True)
    assert timeline.seen is not None
    assert (timeline.seen.local, timeline.seen.boot_id) == (SHOWN, BOOT)


def test_what_it_had_learnt_itself_stands() -> None:
    early = SessionFacts("session", Device(ADDRESS), features={"2a49": 1}, name="ITS OWN")
    facts, _ = cut_off(early, KNOWN, [record(1, cuff_payload())], Timeline())
    assert (facts.name, facts.features, facts.newest) == ("ITS OWN", {"2a49": 1}, None)


def test_a_clock_that_was_moved_before_it_was_cut_off_is_noticed() -> None:
    before = Timeline().sight(CLOCK_READ, Moment(BOOT, CLOCK_READ.monotonic_ms, None))
    moved = DeviceClock(SHOWN + DAY, CLOCK_READ.monotonic_ms + 10_000)
    early = SessionFacts("session", Device(ADDRESS), moved)
    facts, timeline = cut_off(early, KNOWN, [record(1, cuff_payload())], before)
    assert [move.jump_ms for move in facts.moves] == [DAY // timedelta(milliseconds=1) - 10_000]
    assert timeline.moves == facts.moves


def test_one_whose_clock_was_not_read_tells_how_fresh_its_stamps_are() -> None:
    early = SessionFacts("session", Device(ADDRESS))
    row = replace(
        record(1, cuff_payload()), capture=Capture(BOOT, 1_000, wall_ms=1_773_471_909_000)
    )
    facts, timeline = cut_off(early, KNOWN, [row], Timeline())
    assert facts.coincidences == (Coincidence(1_773_471_909_000, SHOWN.isoformat()),)
    assert timeline.coincidences == facts.coincidences


def test_a_meter_whose_link_always_breaks_fills_no_memory() -> None:
    waiting = Acquaintance(Device(ADDRESS), 0).undecided
    for number in range(1_000):
        facts = SessionFacts(f"{number}", Device(ADDRESS), ended=True)
        waiting.append(Undecided(facts, number, (number, "")))
    assert len(waiting) < 100
    assert waiting[-1].seq == 999
