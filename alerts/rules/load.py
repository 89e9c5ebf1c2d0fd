"""Reads rule books from files."""

from importlib.resources import files
from pathlib import Path

from alerts.rules.book import Book
from alerts.rules.errors import BookError, Place
from alerts.rules.reader import read_book

SHIPPED = Path(str(files("alerts") / "books"))


def find_book(name: str) -> Path:
    """Find a book by its path, or a shipped one by its name."""
    path = Path(name)
    return path if path.suffix or path.exists() else SHIPPED / f"{name}.toml"


def load_book(path: Path) -> Book:
    """Read, check and compile a book. Raises ``BookError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BookError(Place(str(path)), f"Cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BookError(Place(str(path)), "Not UTF-8 text.") from error
    return read_book(str(path), text)


def load_books(folder: Path = SHIPPED) -> list[Book]:
    """Read every book of a folder, sorted by file name."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise BookError(Place(str(folder)), "There is no rule book (*.toml) in this folder.")
    return [load_book(path) for path in paths]
