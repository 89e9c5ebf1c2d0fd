"""A book as a person reads it."""

from alerts.rules.book import Book


def describe(book: Book) -> str:
    """Show a book to the person who answers for it."""
    lines = [f"{book.name}: {book.title}", f"  for: {book.population}", f"  sha256: {book.sha256}"]
    for rule in book.rules:
        lines += [
            "",
            f"  {rule.id}  [{rule.severity}, ladder {rule.ladder}]  {rule.title}",
            f"    when:   {rule.text}",
            f"    source: {rule.source}",
            f"    advice: {rule.advice}",
        ]
    return "\n".join(lines)
