"""What a check found, and how a person reads it."""

from enum import Enum

import click
import msgspec


class Verdict(Enum):
    """How a check ended: a sign and a colour for people."""

    GOOD = "good"
    NOTICE = "notice"
    """It works, but somebody should know."""
    BAD = "bad"
    SKIPPED = "skipped"
    """It could not be looked at, because something before it is bad."""


_SIGNS = {
    Verdict.GOOD: ("✓", "green"),
    Verdict.NOTICE: ("!", "yellow"),
    Verdict.BAD: ("✗", "red"),
    Verdict.SKIPPED: ("–", None),
}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One check: what was looked at, what was found, and the one next step if it is not good."""

    check: str
    verdict: Verdict
    found: str
    do: str = ""

    def lines(self) -> list[str]:
        """Give it to a person."""
        sign, colour = _SIGNS[self.verdict]
        check = click.style(self.check, bold=(self.verdict is Verdict.BAD) or None)
        lines = [f"{click.style(sign, fg=colour, bold=True)} {check}: {self.found}"]
        if self.do:
            lines.append(f"    → {self.do}")
        return lines


def good(check: str, found: str) -> Finding:
    """Say that a check is passed."""
    return Finding(check, Verdict.GOOD, found)


def notice(check: str, found: str, do: str = "") -> Finding:
    """Say what somebody should know."""
    return Finding(check, Verdict.NOTICE, found, do)


def bad(check: str, found: str, do: str) -> Finding:
    """Say what is wrong and what to do next."""
    return Finding(check, Verdict.BAD, found, do)


def skipped(check: str, why: str) -> Finding:
    """Say what could not be looked at."""
    return Finding(check, Verdict.SKIPPED, why)
