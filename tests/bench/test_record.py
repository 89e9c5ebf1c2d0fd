import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.record import Figure, Reference, Target, commit, keep, table


def test_a_figure_is_judged_by_its_value_or_by_its_ratio() -> None:
    reference = Reference("theirs", 10.0)
    fast = Figure("codecs.x", 60.0, "1/s", reference, Target(">=", 5, of="ratio"))
    slow = Figure("codecs.x", 40.0, "1/s", reference, Target(">=", 5, of="ratio"))
    small = Figure("gateway.memory", 64.0, "MiB", target=Target("<=", 64))
    assert (fast.ratio, fast.met) == (6.0, True)
    assert (slow.ratio, slow.met) == (4.0, False)
    assert (small.ratio, small.met) == (None, True)
    assert Figure("gateway.memory", 64.1, "MiB", target=Target("<=", 64)).met is False
    assert Figure("gateway.memory", 64.1, "MiB").met is None


def test_results_grow_by_a_line_for_each_figure(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    figure = Figure("a.b", 3.0, "ms", Reference("echo", 2.0), Target("<=", 50))
    keep([figure], "abc", results)
    keep([figure, Figure("a.c", 1.0, "s")], "abd-dirty", results)
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["name"] for line in lines] == ["a.b", "a.b", "a.c"]
    assert lines[0] == {
        "name": "a.b",
        "value": 3.0,
        "unit": "ms",
        "reference": 2.0,
        "ratio": 1.5,
        "target": "value <= 50",
        "met": True,
        "commit": "abc",
    }
    assert lines[2]["met"] is None


def test_a_missed_target_is_seen() -> None:
    missed = Figure("a.b", 51.0, "ms", target=Target("<=", 50))
    assert table([missed]).splitlines()[1].endswith("NOT MET")


def test_commit_says_when_something_else_than_results_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("git") is None:  # a fresh machine, whose clone came from another
        assert commit(tmp_path) == "unknown"
        return
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "nobody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "nobody@example.org")
    source, results = tmp_path / "source.py", tmp_path / "bench" / "results.jsonl"
    results.parent.mkdir()
    source.write_text("")
    results.write_text("")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "First"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True, capture_output=True)
    clean = commit(tmp_path)
    results.write_text("{}\n")
    assert commit(tmp_path) == clean
    source.write_text("changed")
    assert commit(tmp_path) == f"{clean}-dirty"
    assert commit(tmp_path / "nowhere") == "unknown"
