"""Which rule books are in force: those of a folder, and what people have activated since.

An activated book takes the place of the folder's one of its name; removed from the registry, the
folder's counts again. A book that cannot be used is refused, and what was in force stays so.
"""

import hashlib
from collections.abc import Sequence

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.rules.book import Book
from alerts.rules.errors import BookError, Place
from alerts.rules.reader import read_book
from schemas.errors import MisconfiguredError
from schemas.registry import BookEntry


class Library:
    """The books and what they make together; ``rule_set`` is replaced, never changed."""

    def __init__(self, books: Sequence[Book]) -> None:
        """Begin with a folder's books. Raises ``MisconfiguredError`` where they contradict."""
        self._folder = {book.name: book for book in books}
        self._books = dict(self._folder)
        self.rule_set: RuleSet = arrange(books)

    def activate(self, entry: BookEntry) -> bool:
        """Put a book in force; tell whether anything changed.

        Raises ``MisconfiguredError``, with the place in the book, if it cannot be used.
        """
        present = self._books.get(entry.name)
        if present is not None and present.sha256 == entry.sha256:
            return False
        place = Place(f"book/{entry.name}")
        if hashlib.sha256(entry.text.encode()).hexdigest() != entry.sha256:
            raise BookError(place, "The text is not the one that was activated: another SHA-256.")
        book = read_book(str(place.file), entry.text)
        if book.name != entry.name:
            raise BookError(place, f"The book calls itself {book.name}.")
        self._put({**self._books, entry.name: book})
        return True

    def withdraw(self, name: str) -> bool:
        """Let the folder's book count again; tell whether anything changed.

        Raises ``MisconfiguredError`` if the books that would be left cannot be used together.
        """
        others = {other: book for other, book in self._books.items() if other != name}
        folder = {name: self._folder[name]} if name in self._folder else {}
        if self._books.get(name) is folder.get(name):
            return False
        if not others | folder:
            raise MisconfiguredError("No rule book would be left.", "Activate another one first.")
        self._put(others | folder)
        return True

    def _put(self, books: dict[str, Book]) -> None:
        self.rule_set = arrange([books[name] for name in sorted(books)])
        self._books = books
