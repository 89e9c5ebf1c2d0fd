"""Books are put in force and taken out; one that cannot be used changes nothing."""

import hashlib

import pytest

from alerts.engine.ladders.library import Library
from alerts.rules.load import load_books
from schemas.errors import MisconfiguredError
from schemas.registry import BookEntry
from tests.alerts.readings import BASIC

NAME = "adult-diabetes"
TEXT = (BASIC / f"{NAME}.toml").read_text(encoding="utf-8")


def entry(text: str, name: str = NAME) -> BookEntry:
    return BookEntry(name, text, hashlib.sha256(text.encode()).hexdigest(), "Dr. Who", 0)


def test_an_activated_book_takes_the_place_of_the_folders() -> None:
    library = Library(load_books(BASIC))
    before = library.rule_set
    assert library.activate(entry(TEXT + "\n# read again\n"))
    assert library.rule_set is not before
    assert set(library.rule_set.books) == set(before.books)
    assert library.rule_set.books[NAME].sha256 != before.books[NAME].sha256
    assert library.withdraw(NAME)
    assert library.rule_set.books[NAME].sha256 == before.books[NAME].sha256


def test_what_is_in_force_already_changes_nothing() -> None:
    library = Library(load_books(BASIC))
    before = library.rule_set
    assert not library.activate(entry(TEXT))
    assert not library.withdraw(NAME)
    assert not library.withdraw("no-such-book")
    assert library.rule_set is before


@pytest.mark.parametrize(
    "wrong",
    [
        entry("this is no TOML ["),
        entry(TEXT, "another-name"),
        entry(TEXT.replace("glucose", "sugar")),
        BookEntry(NAME, TEXT + "# changed on the way", "0" * 64, "Dr. Who", 0),
    ],
)
def test_a_book_that_cannot_be_used_is_refused_and_the_old_one_stays(wrong: BookEntry) -> None:
    library = Library(load_books(BASIC))
    before = library.rule_set
    with pytest.raises(MisconfiguredError, match=f"book/{wrong.name}"):
        library.activate(wrong)
    assert library.rule_set is before


def test_the_last_book_cannot_be_taken_out() -> None:
    library = Library([])
    library.activate(entry(TEXT))
    with pytest.raises(MisconfiguredError, match="No rule book"):
        library.withdraw(NAME)
    assert set(library.rule_set.books) == {NAME}
