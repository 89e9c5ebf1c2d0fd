"""What `make nightly` runs: all of it, whatever one part does."""

import sys

from bench import nightly
from bench.nightly import Part


def test_a_short_night_has_the_same_parts_and_keeps_nothing() -> None:
    long = nightly.parts(short=False, fuzz_s=60, days=30, minutes=60)
    short = nightly.parts(short=True, fuzz_s=1, days=1, minutes=1)
    assert [part.name for part in short] == [part.name for part in long]
    assert all(mine.at_most_s <= theirs.at_most_s for mine, theirs in zip(short, long, strict=True))
    assert not any("--keep" in part.command for part in short)
    benchmarks = [part for part in short if part.command[-1] == "--dry-run"]
    assert [part.name for part in benchmarks] == ["month", "many devices"]


def test_a_part_that_fails_or_hangs_is_told_and_ends() -> None:
    code = "import sys; sys.exit({})"
    assert nightly.run(Part("well", (sys.executable, "-c", code.format(0)), 60))[0] == "passed"
    assert nightly.run(Part("ill", (sys.executable, "-c", code.format(3)), 60))[0] == "FAILED (3)"
    hangs = (sys.executable, "-c", "import threading; threading.Event().wait()")
    assert nightly.run(Part("hangs", hangs, 0.2))[0] == "killed after 0 s"
