"""Whatever stands in registry.v1 stops neither engine nor desk nor page: they are about others too.

Care plans have a test of their own, tests/alerts/engine/state/test_any_plan.py.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY as METRICS

from alerts.engine.ladders.library import Library
from alerts.engine.process.beside import readable
from alerts.engine.process.roster import Roster
from alerts.engine.readings.admission import decoded
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.feed.board import Board
from alerts.log import Log, LogRecord
from alerts.records import decode
from alerts.rules.load import SHIPPED, load_books
from schemas.errors import InvalidInput
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from schemas.rota import RotaEntry
from schemas.topics import ACTIONS, ALERTS, ENGINES, READINGS, REGISTRY, UNASSIGNED
from tests.alerts.desk.virtual_desk import VirtualDesk
from tests.alerts.readings import DAY, MINUTE, NOON, at_once, glucose, pressure

PATIENT = b'{"kind":"patient","patient_id":"p1","pseudonym":"Robin","books":["adult-diabetes"]}'
NO_TEXT = b'{"kind":"\xff","patient_id":"\xff"}'
ENDLESS = b'{"patient_id":' + b'{"a":' * 2_000
NUMBERS = ["0", "-1", "1", "7", "999999", 19 * "9", 30 * "9", 5_000 * "9", "1e999", 2_000 * "["]
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.toml"))}
DIABETES = TEXTS["adult-diabetes"]
SHIPPED_BOOKS = {book.name: book for book in load_books()}
LOG = at_once(
    pressure(NOON, 120),
    pressure(NOON + MINUTE, 250, 130),
    glucose(NOON + 2 * MINUTE, 50),
    glucose(NOON + 3 * MINUTE, "LO"),
)


class Topic:
    """A registry.v1 in memory: what the roster asks of a log."""

    def __init__(self, values: Sequence[bytes], key: bytes) -> None:
        self._records = [LogRecord(REGISTRY, 0, 0, key, value) for value in values]

    def poll(self, _: int) -> list[LogRecord]:
        return self._records


def follow(library: Library, *values: bytes, key: bytes = b"patient/p1") -> Plans:
    """Let an engine's roster read records; give the plans."""
    roster = Roster(cast("Log", Topic(values, key)), library, Plans(library.rule_set))
    roster.read_news()
    return roster.plans


def left_out() -> float:
    return METRICS.get_sample_value("vitalwire_alerts_records_rejected_total") or 0.0


@st.composite
def books(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped book in which one or two numbers are others."""
    name = draw(st.sampled_from([*TEXTS]))
    text = TEXTS[name]
    spots = [spot.span() for spot in re.finditer(r"\d+", text)]
    for begin, end in sorted(draw(st.sets(st.sampled_from(spots), min_size=1, max_size=2)))[::-1]:
        text = text[:begin] + draw(st.sampled_from(NUMBERS)) + text[end:]
    return name, text


@settings(max_examples=25)
@example(("adult-diabetes", f"x = {5_000 * '9'}"))
@example(("adult-diabetes", f"x = {2_000 * '['}"))
@example(("adult-diabetes", DIABETES.replace('"24h"', f'"{18 * "9"}h"')))
@example(("adult-diabetes", DIABETES.replace('"1h"', f'"{5_000 * "9"}h"')))
@example(("adult-diabetes", DIABETES.replace('"10 mg/dL"', f'"{14 * "9"} mg/dL"')))
@given(books())
def test_no_book_stops_the_engine(book: tuple[str, str]) -> None:
    name, text = book
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    entry = {"kind": "book", "name": name, "text": text, "sha256": sha256, "who": "A", "at_ms": 1}
    library = Library([SHIPPED_BOOKS[name]])
    follow(library, json.dumps(entry).encode(), key=f"book/{name}".encode())
    patient = PATIENT.replace(b"adult-diabetes", name.encode())
    state = PartitionState(library.rule_set, follow(library, patient))
    state.row("p1")
    step(state, LOG)
    step(state, [Tick(NOON + 5 * DAY)])


BYTES = st.binary(max_size=40) | st.builds(
    lambda place, put: PATIENT[:place] + put + PATIENT[place:],
    st.integers(0, len(PATIENT)),
    st.binary(min_size=1, max_size=2),
)
KEYS = st.binary(max_size=9) | st.sampled_from([b"patient/p1", b"rota/", b"book/x"])


@settings(max_examples=25)
@example(NO_TEXT, b"patient/p1")
@example(ENDLESS, b"patient/p1")
@example(PATIENT + b" " * 1_000_000, b"patient/p1")
@example(PATIENT.replace(b"Robin", b"\xff"), b"patient/p1")
@given(BYTES, KEYS)
def test_no_bytes_stop_anybody_and_what_cannot_be_read_is_counted(value: bytes, key: bytes) -> None:
    board, unreadable = Board(), 0
    for topic in (ALERTS, ACTIONS, ENGINES, READINGS, REGISTRY):
        try:
            board.take([decode(topic, key, value)])
        except InvalidInput:
            unreadable = int(topic == REGISTRY)
    assert len(board.overview().cards) == 0
    before = left_out()
    assert "p1" in follow(Library([SHIPPED_BOOKS["adult-diabetes"]]), value, PATIENT, key=key)
    assert left_out() == before + unreadable
    decoded(value)
    found = list(readable([LogRecord(UNASSIGNED, 0, 0, key, value)]))
    assert left_out() == before + unreadable + (not found)


PEOPLE = st.lists(st.sampled_from(["Anna", "", "Bo"]), max_size=2)
CLOCKS = st.sampled_from(["00:00", "23:59", "24:00", "06:30", "", "99:99", "٠٦:٠٠"])
DATES = st.sampled_from(["2026-12-24", "9999-12-31", "0001-01-01", "2026-02-30T12:00", "x", ""])
NAMES = st.sampled_from(["p1", "", "adult-diabetes", "none", "\0", "a" * 999])


def some(
    needed: dict[str, st.SearchStrategy[Any]], **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(needed, optional=others), max_size=2)


ROTA = st.fixed_dictionaries(
    {"kind": st.just("rota"), "programme": NAMES},
    optional={
        "zone": st.sampled_from(["Europe/Berlin", "Pacific/Apia", "Europe", "", "../etc", "\0"]),
        "books": st.lists(NAMES, max_size=2),
        "shifts": some(
            {"begins": CLOCKS, "ends": CLOCKS, "on_duty": PEOPLE},
            second=PEOPLE,
            lead=PEOPLE,
            days=st.lists(st.sampled_from(["mon", "sun"]), max_size=2),
        ),
        "off_hours": st.none() | st.fixed_dictionaries({"on_duty": PEOPLE}),
        "programme_lead": PEOPLE,
        "technical": PEOPLE,
        "contacts": some({"name": NAMES, "channels": some({"kind": st.just("log")})}),
        "leave": some({"name": NAMES, "begins": DATES, "ends": DATES}),
    },
)


@settings(max_examples=25)
@given(ROTA)
def test_no_rota_stops_the_engine_the_desk_or_the_page(raw: dict[str, Any]) -> None:
    value = json.dumps(raw).encode()
    rota = decode(REGISTRY, b"rota/x", value)
    assert isinstance(rota, RotaEntry)
    assert "p1" in follow(Library([SHIPPED_BOOKS["adult-diabetes"]]), value, PATIENT)
    desk = VirtualDesk(rota=rota)
    onset = desk.find("onset")
    desk.after(10 * MINUTE)
    assert desk.said("notify")
    board = Board()
    board.take([rota, PatientEntry("p1", "Robin"), *desk.log])
    assert onset.alert_id in {card.alert_id for card in board.overview().cards}
