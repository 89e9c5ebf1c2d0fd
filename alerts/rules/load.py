"""Reads rule books from files."""

from importlib.resources import files
from pathlib import Path

from alerts.rules.book import Book
from alerts.rules.errors import BookError, Place
from alerts.rules.length import BYTES_MAX
from alerts.rules.reader import read_book
from alerts.rules.sense import refuse_nonsense

SHIPPED = Path(str(files("alerts") / "books"))


def find_book(name: str) -> Path:
    """Find a book by its path, or a shipped one by its name."""
    path = Path(name)
    shipped = SHIPPED / f"{name}.toml"
    return shipped if not path.suffix and not path.exists() and shipped.exists() else path


def load_book(path: Path) -> Book:
    """Read, check and compile a book, and ask whether it can be meant. Raises ``BookError``."""
    book = _read(path)
    refuse_nonsense(str(path), book)
    return book


def _read(path: Path) -> Book:
    try:
        with path.open(encoding="utf-8-sig") as file:  # some editors begin a file with a mark
            text = file.read(BYTES_MAX + 1)
    except FileNotFoundError as error:
        sentence = f"There is no such file; the books that come along are: {', '.join(shipped())}."
        raise BookError(Place(str(path)), sentence) from error
    except OSError as error:
        raise BookError(Place(str(path)), f"Cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        sentence = "Not UTF-8 text: save it as a text file with the encoding UTF-8."
        raise BookError(Place(str(path)), sentence) from error
    return read_book(str(path), text)


def shipped() -> list[str]:
    """Name the books that come along."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_books(folder: Path = SHIPPED) -> list[Book]:
    """Read every book of a folder, sorted by file name: what is installed is judged by."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise BookError(Place(str(folder)), "There is no rule book (*.toml) in this folder.")
    return [_read(path) for path in paths]
