"""What can be read and cannot be meant is refused where a book is written, and judges where it is
in force."""

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.rules import grid
from alerts.rules.book import RUNGS_MAX
from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, find_book, load_book, load_books
from alerts.rules.sense import LADDERS, refuse_full_ladders
from tests.alerts.book_text import PRESSURE as PULSE
from tests.alerts.book_text import head, rule

BOOK = """\
book = "ours"
title = "Ours"
population = "Adults"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[limits.low]
value = ["70 mg/dL", "3.9 mmol/L"]
allowed = [["60 mg/dL", "3.3 mmol/L"], ["100 mg/dL", "5.6 mmol/L"]]
relaxing = "down"

[[rule]]
id = "low"
ladder = "glucose-low"
title = "Low"
vital = "glucose"
when = "glucose < limit.low or glucose < (54 mg/dL, 3.0 mmol/L) or glucose is LO"
band = ["10 mg/dL", "0.6 mmol/L"]
severity = "critical"
source = "ADA"
advice = "Eat."

[[rule]]
id = "high"
ladder = "bp-high"
title = "High"
vital = "blood_pressure"
when = "systolic > 180 mmHg or diastolic > 120 mmHg"
band = ["5 mmHg"]
window = { matching = 2, of = 3, within = "7d", apart = "15min" }
severity = "medium"
source = "AHA"
advice = "Call."

[[rule]]
id = "silent"
ladder = "absence-glucose"
title = "Silent"
vital = "glucose"
absent_for = "3d"
severity = "medium"
source = "practice"
advice = "Call."
"""
PRESSURE = "systolic > 180 mmHg or diastolic > 120 mmHg"
WINDOW = 'window = { matching = 2, of = 3, within = "7d", apart = "15min" }\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "ours.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(BookError) as caught:
        load_book(written(folder, text))
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_book_that_makes_sense_is_read_with_whatever_mark_an_editor_begins_it(
    tmp_path: Path,
) -> None:
    plain = load_book(written(tmp_path, BOOK))
    assert [rule.id for rule in plain.every_rule] == ["low", "high", "silent"]
    assert load_book(written(tmp_path, "\ufeff" + BOOK)).sha256 == plain.sha256
    assert load_book(written(tmp_path, BOOK.replace("\n", "\r\n"))).sha256 == plain.sha256


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_what_comes_along_makes_sense(path: Path) -> None:
    assert load_book(path).rules


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "(54 mg/dL, 3.0",
            "(54 mg/dL, 30",
            "ours.toml:23:43: 54 mg/dL and 30 mmol/L are not the same: 54 mg/dL are 3.0 mmol/L.",
        ),
        ("(54 mg", "(70 mg", "ours.toml:23:43: 70 mg/dL and 3.0 mmol/L are not the same"),
        ('["70 mg', '["80 mg', "ours.toml:23:19: 80 mg/dL and 3.9 mmol/L are not the same"),
        ('["60 mg', '["65 mg', "ours.toml:15:11: 65 mg/dL and 3.3 mmol/L are not the same"),
        ('"0.6 mmol', '"6 mmol', "ours.toml:24:8: 10 mg/dL and 6 mmol/L are not the same"),
        (
            '"down"',
            '"up"',
            'ours.toml:16:12: Downwards lets more pass here: write relaxing = "down"',
        ),
        (
            '[["60 mg/dL", "3.3 mmol/L"], ["100 mg/dL", "5.6 mmol/L"]]',
            '[["100 mg/dL", "5.6 mmol/L"], ["60 mg/dL", "3.3 mmol/L"]]',
            "ours.toml:15:11: The range is reversed: write 60 mg/dL first.",
        ),
        (
            PRESSURE,
            "systolic > 180 mmHg and systolic < 90 mmHg",
            "ours.toml:34:8: This can never hold of a patient: nobody would be told.",
        ),
        (PRESSURE, "not (systolic >= 90 mmHg or systolic < 100 mmHg)", "ours.toml:34:8: This can"),
        (PRESSURE, "systolic > 90 mmHg or systolic <= 90 mmHg", "ours.toml:34:8: This holds of"),
        (
            "glucose < limit.low or glucose < (54 mg/dL, 3.0 mmol/L) or glucose is LO",
            "glucose < limit.low and glucose >= (69 mg/dL, 3.9 mmol/L)",
            "ours.toml:23:8: This can never hold of a patient in mmol/L: nobody would be told.",
        ),
        ('fresh = "1h"', 'fresh = "0h"', "ours.toml:10:9: Nothing is fresh for no time at all"),
        ('"3d"', '"0d"', "ours.toml:46:14: Everybody is silent for no time at all"),
        ('within = "7d"', 'within = "0d"', "ours.toml:36:10: No reading is within no time at all"),
        ('apart = "15min"', 'apart = "7d"', "ours.toml:36:10: Readings that are so far apart"),
        (
            'severity = "critical"',
            'notify = false\nseverity = "critical"',
            "ours.toml:25:10: A critical rule pages: take notify = false away",
        ),
        (
            'severity = "critical"',
            'requires = { meal = ["casual", "fastin"] }\nseverity = "critical"',
            "ours.toml:25:33: 'fastin' is no word for 'meal'; did you mean 'fasting'?",
        ),
        (
            'severity = "critical"',
            'requires = { meal = ["nothing-like-it"] }\nseverity = "critical"',
            "ours.toml:25:23: 'nothing-like-it' is no word for 'meal'; there are: preprandial, ",
        ),
        (
            'severity = "critical"',
            'requires = { meals = ["fasting"] }\nseverity = "critical"',
            "ours.toml:25:14: No device tells 'meals' of glucose; did you mean 'meal'?",
        ),
        (
            "window = {",
            'requires = { position = ["lying"] }\nwindow = {',
            "ours.toml:36:14: No device tells 'position' of blood_pressure; there are none.",
        ),
        (
            '"bp-high"',
            '"bp-hihg"',
            "ours.toml:31:10: There is no ladder 'bp-hihg' yet: did you mean 'bp-high'? Rules on",
        ),
        (
            '"Adults"',
            '"Adults"\nfrom_age = -1',
            "ours.toml:4:12: Nobody is -1 years old: write the age from which the book may watch",
        ),
        ('"Adults"', '"Adults"\nfrom_age = 121', "ours.toml:4:12: Nobody is 121 years old"),
        ('"bp-high"', '"absence-bp"', "ours.toml:31:10: 'absence-bp' is for rules about what"),
    ],
)
def test_what_cannot_be_meant_is_named_where_it_stands(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in BOOK
    assert refusal(tmp_path, BOOK.replace(old, new)).startswith(says)


def test_a_circumstance_that_a_meter_tells_is_not_doubted(tmp_path: Path) -> None:
    asks = 'requires = { meal = ["fasting", "preprandial"], sample_location = ["finger"] }\n'
    text = BOOK.replace('title = "Low"\n', f'title = "Low"\n{asks}')
    assert load_book(written(tmp_path, text)).rules[0].requires


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("weight-gain", "weigth-gain", True),
        ("weight-gain", "weight-gains", True),
        ("weight-gain", "eight-gain", True),
        ("eight-gain", "weight-gain", True),
        ("weight-gain", "weight-goin", True),
        ("weight-gain", "weight-gian", True),
        ("weight-low", "weight-lo", True),
        ("weight-gain", "weight-gaib", False),
        ("a", "b", False),
        ("a", "aa", False),
        ("arm-a", "arm-b", False),
        ("arm-a-high", "arm-b-high", False),
        ("weight-2d", "weight-7d", False),
        ("weight-2d", "weight-12d", False),
        ("weight-2day", "weight-aday", False),
        ("weight-aday", "weight-2day", False),
        ("weight", "weight2", False),
        ("weight-gain", "weight-gainer", False),
        ("weight-gainer", "weight-gain", False),
        ("weight-gain", "weight-loss", False),
        ("weight-gain", "weight-gain", False),
    ],
)
def test_ladders_of_a_clinic_s_own_are_doubted_if_a_letter_is_between_them(
    tmp_path: Path, first: str, second: str, refused: bool
) -> None:
    text = BOOK.replace('"glucose-low"', f'"{first}"').replace('"bp-high"', f'"{second}"')
    path = written(tmp_path, text)
    if not refused:
        assert load_book(path).rules
        return
    with pytest.raises(BookError, match=f"no ladder '{second}' yet: did you mean '{first}'"):
        load_book(path)


def test_the_ladders_that_a_book_may_join_are_those_of_the_books_that_come_along() -> None:
    assert {rule.ladder for book in load_books() for rule in book.rules} == set(LADDERS)


@pytest.mark.parametrize(
    "when",
    [
        "systolic > 180 mmHg and diastolic < 60 mmHg",
        "systolic > 180 mmHg and systolic < 181 mmHg",
        "systolic >= 180 mmHg and systolic <= 180 mmHg",
        "not (systolic < 90 mmHg) and map > 100 mmHg and map < 101 mmHg",
        "status is irregular-pulse and not (status is body-moved)",
        "systolic is HI",
        "systolic > 299 mmHg and pulse < 50 /min",
    ],
)
def test_what_holds_of_some_patient_is_not_doubted(tmp_path: Path, when: str) -> None:
    text = BOOK.replace(PRESSURE, when).replace('band = ["5 mmHg"]', 'band = ["5 mmHg", "5 /min"]')
    assert load_book(written(tmp_path, text)).rules


def test_a_limit_under_a_not_is_relaxed_the_other_way(tmp_path: Path) -> None:
    text = BOOK.replace("glucose < limit.low or", "not (glucose >= limit.low) or")
    assert text != BOOK
    assert load_book(written(tmp_path, text)).rules
    assert "Downwards lets more pass here" in refusal(tmp_path, text.replace('"down"', '"up"'))


WARM = head(
    "warm",
    '[vitals.body_temperature]\nfresh = "1h"\nunits = ["°C", "°F"]\n',
    '[limits.chill]\nvalue = ["35.0 °C", "95.0 °F"]\nrelaxing = "down"',
    'allowed = [["34.0 °C", "93.2 °F"], ["36.0 °C", "96.8 °F"]]\n',
) + rule(
    "fever",
    "temperature >= (38.0 °C, 100.4 °F) or temperature < limit.chill",
    'band = ["0.5 °C", "0.9 °F"]',
    vital="body_temperature",
)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("0.9 °F", "9 °F", "0.5 °C and 9 °F are not the same: 0.5 °C are 0.9 °F."),
        ("93.2 °F", "91.2 °F", "34.0 °C and 91.2 °F are not the same: 34.0 °C are 93.2 °F."),
        ("100.4 °F", "98.4 °F", "38.0 °C and 98.4 °F are not the same: 38.0 °C are 100.4 °F."),
    ],
)
def test_a_band_in_two_scales_is_a_difference_and_a_limit_is_none(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    """0 °F is not 0 °C: a limit moves with the zero of its scale, a band does not."""
    assert load_book(written(tmp_path, WARM)).rules
    assert says in refusal(tmp_path, WARM.replace(old, new))


@pytest.mark.parametrize(
    ("pair", "same"),
    [("54 mg/dL, 2.8", False), ("54 mg/dL, 2.9", True), ("55 mg/dL, 3.2", True)],
)
def test_two_amounts_are_the_same_if_rounding_alone_is_between_them(
    tmp_path: Path, pair: str, same: bool
) -> None:
    """To 1 mg/dL and to 0.1 mmol/L: 2.9 mmol/L are 52.2 mg/dL, 2.8 are 50.4."""
    text = BOOK.replace("(54 mg/dL, 3.0", f"({pair}")
    if same:
        assert load_book(written(tmp_path, text)).rules
    else:
        assert "are not the same" in refusal(tmp_path, text)


@pytest.mark.parametrize(("most", "claimed"), [(2, True), (1, False)])
def test_of_a_rule_with_more_combinations_than_are_asked_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, claimed: bool
) -> None:
    monkeypatch.setattr(grid, "_ASKED_MAX", most)
    flag = "status is irregular-pulse"
    plain = head("flags", PULSE) + rule("never", f"{flag} and not ({flag})")
    path = written(tmp_path, plain)
    if claimed:
        with pytest.raises(BookError, match="This can never hold"):
            load_book(path)
    else:
        assert load_book(path).rules


def test_one_limit_may_end_one_rule_and_begin_another(tmp_path: Path) -> None:
    """Between 54 and 70: compared with < here and with >= there, it is relaxed downwards."""
    when = "glucose < (70 mg/dL, 3.9 mmol/L) and glucose >= limit.low"
    both = BOOK.replace('["70 mg/dL", "3.9 mmol/L"]', '["60 mg/dL", "3.3 mmol/L"]') + (
        BOOK[BOOK.index("[[rule]]") : BOOK.index('[[rule]]\nid = "high"')]
        .replace('id = "low"', 'id = "between"')
        .replace("glucose < limit.low or glucose < (54 mg/dL, 3.0 mmol/L) or glucose is LO", when)
    )
    assert len(load_book(written(tmp_path, both)).rules) == 3


def test_a_book_that_was_installed_before_anybody_asked_still_judges(tmp_path: Path) -> None:
    written(tmp_path, BOOK.replace('"down"', '"up"'))
    (book,) = load_books(tmp_path)
    assert len(book.rules) == 2


@pytest.mark.parametrize("name", ["adult-standart", "nowhere.toml"])
def test_a_name_that_no_book_has_is_answered_with_those_that_there_are(name: str) -> None:
    with pytest.raises(BookError, match="the books that come along are: adult-diabetes, adult-s"):
        load_book(find_book(name))


BAND = "Moved by its band the limit is 39 mmHg: no patient's systolic gets there"
PAGE = "A page waits at most an hour for a repeat: nobody is called before."
REPEAT = "A flagged match waits at most a day for its repeat: nobody hears of it before."


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('fresh = "24h"', 'fresh = "25h"', "6:9: What is older than a day is stale: write"),
        ('repeat_within = "1d"', 'repeat_within = "2d"', f"7:17: {REPEAT}"),
        ('absent_for = "90d"', 'absent_for = "91d"', "46:14: Nobody would be missed: write at"),
        ('confirm = { within = "1h" }', 'confirm = { within = "61min" }', f"36:11: {PAGE}"),
        ('repeat = { within = "24h" }', 'repeat = { within = "25h" }', f"36:10: {REPEAT}"),
        ('cooldown = "30d"', 'cooldown = "31d"', "36:12: A cool-down lasts at most 30 days"),
        ('band = ["140 mmHg"]', 'band = ["141 mmHg"]', f"35:8: {BAND}"),
    ],
)
def test_a_zero_too_many_is_no_wait_without_an_end(
    right: str, wrong: str, said: str, tmp_path: Path
) -> None:
    text = {
        "fresh": ('fresh = "4h"', "{}"),
        "repeat_within": ('fresh = "4h"', 'fresh = "4h"\n{}'),
        "absent_for": ('absent_for = "3d"', "{}"),
        "band": ('band = ["5 mmHg"]', "{}"),
    }
    old, new = text.get(right.split(" ", maxsplit=1)[0], (WINDOW, "{}\n"))
    plain = BOOK.replace(" or diastolic > 120 mmHg", "")
    assert plain.count(old) == 1
    assert load_book(written(tmp_path, plain.replace(old, new.format(right)))).rules
    assert said in refusal(tmp_path, plain.replace(old, new.format(wrong)))


def full(count: int, ladder: str = "bp-high") -> str:
    rules = (
        rule(f"r{number}", f"systolic > {100 + number % 100} mmHg", ladder=ladder)
        for number in range(count)
    )
    return head("ours", PULSE) + "".join(rules)


def test_a_ladder_has_no_more_rules_than_an_engine_takes(tmp_path: Path) -> None:
    """`rules check` passed 700 of them, and no engine could take up the book."""
    assert len(load_book(written(tmp_path, full(RUNGS_MAX))).rules) == RUNGS_MAX
    text = full(700)
    line = [number for number, one in enumerate(text.splitlines(), 1) if "ladder =" in one][32]
    assert refusal(tmp_path, text) == (
        f"ours.toml:{line}:10: Ladder 'bp-high' has 700 rules, and an engine takes at most 32: "
        "leave some out, from this one on."
    )


def test_the_rules_of_other_books_are_on_the_same_ladders(tmp_path: Path) -> None:
    ours = load_book(written(tmp_path, full(30)))
    refuse_full_ladders("ours.toml", ours, [replace(ours, rules=ours.rules[:2])])
    refuse_full_ladders("ours.toml", ours, [load_book(written(tmp_path, full(32, "bp-low")))])
    with pytest.raises(BookError, match="has 30 rules and 3 in other books") as caught:
        refuse_full_ladders("ours.toml", ours, [replace(ours, rules=ours.rules[:3])])
    place = caught.value.place
    assert ours.text.splitlines()[place.line - 1].startswith("ladder")
    assert ours.text.splitlines()[: place.line].count("[[rule]]") == 30
