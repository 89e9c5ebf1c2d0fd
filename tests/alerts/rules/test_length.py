"""A book without end keeps nobody: it is refused where it is too long, before TOML is read."""

import hashlib
from pathlib import Path

import pytest

from alerts.engine.ladders.library import Library
from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, find_book, load_book
from alerts.rules.reader import read_book
from schemas.registry import BookEntry

DIABETES = find_book("adult-diabetes").read_text(encoding="utf-8")
DEEP = "a" + ".a" * 900
LONG = 128 * 1024


PARTS = "A key has at most 8 parts; those of a book have 1 to 3."
LINE = "A line has at most 4,000 characters, and this one has 5,415."
BYTES = "A book has at most 131,072 bytes, and here is more: make two of it."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{DEEP} = 1\n{DIABETES}", f"1:17: {PARTS}"),
        (f"\n[{DEEP}]\nb = 1\n", f"2:18: {PARTS}"),
        ("[[ " + '"a" . ' * 8 + "a]]\n", f"1:52: {PARTS}"),
        (f"x = {{ {DEEP * 3} = 1 }}\n", f"1:4001: {LINE}"),
        ("\u00e9\n" * LONG, f"43691:2: {BYTES}"),
    ],
)
def test_what_is_too_long_is_refused_in_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BookError) as caught:
        read_book("ours.toml", text)
    assert caught.value.sentences == (f"ours.toml:{said}",)
    file = tmp_path / "ours.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BookError) as caught:
        load_book(file)
    assert caught.value.sentences == (f"{file}:{said}",)


def test_a_book_may_go_to_the_end_of_its_bytes() -> None:
    whole = DIABETES + "#" + "\n" * (LONG - len(DIABETES.encode()) - 1)
    assert read_book("ours.toml", whole).name == "adult-diabetes"
    key = f"{'a.' * 7}a = 1\n#{' ' * 3_999}\n"
    with pytest.raises(BookError, match="Nothing is called 'a' here"):
        read_book("ours.toml", key + DIABETES)


def test_a_file_without_an_end_is_read_no_further() -> None:
    with pytest.raises(BookError, match="at most 131,072 bytes"):
        load_book(Path("/dev/zero"))


def test_one_that_was_put_in_force_is_refused_and_the_old_one_stays() -> None:
    library = Library([load_book(SHIPPED / "adult-diabetes.toml")])
    before = library.rule_set
    text = DIABETES + "#\n" * LONG
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(BookError, match="at most 131,072 bytes"):
        library.activate(BookEntry("adult-diabetes", text, sha256, "A", 1))
    assert library.rule_set is before


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{number} = 1\n" for number in range(300)) + DIABETES,
        DIABETES + "[[rule]]\n" * 300,
        DIABETES + "".join(f"[limits.x{number}]\n" for number in range(300)),
        DIABETES + "".join(f"[vitals.x{number}]\n" for number in range(300)),
    ],
)
def test_of_what_is_no_book_at_all_a_hundred_mistakes_are_named(text: str) -> None:
    with pytest.raises(BookError) as caught:
        read_book("ours.toml", text)
    *named, last = caught.value.every
    assert len(named) == 100
    assert last.sentence == "And more is wrong from here on: mend what is named first."
    assert last.place == named[-1].place
    assert caught.value.place == named[0].place
