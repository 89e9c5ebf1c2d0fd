"""What `make nightly` runs: all of it, whatever one part does."""

import os
import signal
import sys
from pathlib import Path

import pytest

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


def test_what_a_part_that_hangs_has_started_ends_with_it(tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    hangs = ("sh", "-c", f"exec 3>{held}; sleep 1000 & wait")
    assert nightly.run(Part("hangs", hangs, 2))[0] == "killed after 2 s"
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # nobody holds it open any more
    os.close(reader)


def test_a_night_that_is_interrupted_says_what_had_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "FAREWELL_S", 0.1)
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    interrupts = f"import os, threading; os.kill(os.getppid(), {signal.SIGUSR1:d})"
    parts = [
        Part("well", (sys.executable, "-c", ""), 60),
        Part("long", (sys.executable, "-c", f"{interrupts}; threading.Event().wait()"), 60),
        Part("last", (sys.executable, "-c", ""), 60),
    ]
    try:
        assert nightly.run_all(parts) == 1
    finally:
        signal.signal(signal.SIGUSR1, before)
    said = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    told = [(line[0], line[2]) for line in said[-3:]]
    assert told == [("well", "passed"), ("long", "interrupted"), ("last", "not run")]
