"""`python -m bench.mutants [FILE…]`: change each decision a little; does a test notice?

Without files it takes what is pure in rules, judge, engine and desk. It prints survivors and the
score: noticed / all but those that ``equivalent.toml`` explains. ``--sample 300 --seed 7`` takes
some of them, ``--minutes 30`` stops in time, ``--json`` is for machines, ``--again FILE`` takes the
survivors of such a run, ``--write`` renews docs/mutants.md. Several machines take ``--part 1/2``
and ``--part 2/2``; ``--read FILE FILE --write`` puts together what they printed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from bench.mutants import run
from bench.mutants.forks import Orders, Verdict
from bench.mutants.mutate import Mutant, mutants
from bench.mutants.report import NOTICED, Results, page, table
from bench.record import CHECKOUT, Figure, Target, commit, keep
from tests.architecture import SHELLS

PACKAGES = ("rules", "judge", "engine", "desk")
WITNESSES = (*PACKAGES, "feed")
"""Their own tests, and those of the page, which asks the desk."""
SERVED = "simulators.stack"
"""Tests that import this start servers: too slow to meet a mutant, and about the shells."""
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
PAGE = CHECKOUT / "docs" / "mutants.md"
SCORE_MIN = 0.9


def main() -> int:
    """Judge the mutants; 1 if the score is too low."""
    arguments = _arguments()
    files = [Path(name) for name in arguments.file] or pure_files()
    everything = mutants_of(files)
    explained = explanations()
    if arguments.read:
        _tell(_together(everything, explained, arguments.read), arguments)
        return 0
    chosen = [mutant for mutant in everything if mutant.key not in explained]
    if arguments.again:
        survivors = json.loads(arguments.again.read_text())["survivors"]
        names = {one["mutant"] for one in survivors}
        chosen = [mutant for mutant in chosen if mutant.key in names]
    if arguments.sample and arguments.sample < len(chosen):
        chosen = Random(arguments.seed).sample(chosen, arguments.sample)
    how_many = len(chosen)
    part, parts = map(int, arguments.part.split("/"))
    chosen = chosen[part - 1 :: parts]
    os.chdir(CHECKOUT)
    run.preload()
    until_s = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        absolute = frozenset(str(CHECKOUT / file) for file in files)
        few = arguments.slowest, arguments.examples
        orders = Orders(chosen, absolute, arguments.jobs, until_s, *few, Path(folder))
        _progress(f"{len(chosen)} mutants; finding out which tests run which of {len(files)} files")
        verdicts = _judge(orders, arguments.tests or tests())
    stale = sorted(set(explained) - {mutant.key for mutant in everything})
    if arguments.file:
        stale = []
    how = _how(arguments, how_many, out_of_time=len(verdicts) < len(chosen))
    results = Results(tuple(verdicts), explained, len(everything), tuple(stale), how)
    _tell(results, arguments)
    return 0 if results.score >= arguments.score_min and not stale else 1


def _how(arguments: argparse.Namespace, chosen: int, *, out_of_time: bool) -> str:
    taken = f"A random sample of {chosen} (seed {arguments.seed})" if arguments.sample else "All"
    within = "; time was out before all were judged" if out_of_time else ""
    return (
        f"{taken} at commit {commit()}{within}. Tests of more than {arguments.slowest:g} s of"
        f" processor time were left out, and properties were tried with {arguments.examples}"
        " examples at most: with all of both the score is the same or higher."
    )


def _together(
    everything: Sequence[Mutant], explained: Mapping[str, str], paths: Sequence[Path]
) -> Results:
    """Put the parts of a run together."""
    by_key = {mutant.key: mutant for mutant in everything}
    read = [json.loads(path.read_text()) for path in paths]
    verdicts = [
        (by_key[name], verdict)
        for one in read
        for name, verdict in one["verdicts"].items()
        if name in by_key and name not in explained
    ]
    how = " ".join(dict.fromkeys(one["how"] for one in read))
    return Results(tuple(verdicts), explained, len(everything), (), how)


def _judge(orders: Orders, tests: Sequence[str]) -> list[tuple[Mutant, Verdict]]:
    found: list[tuple[Mutant, Verdict]] = []
    said_s, so_far = time.monotonic(), Counter[str]()
    for mutant, verdict in run.judge(orders, tests):
        found.append((mutant, verdict))
        so_far[verdict] += 1
        if verdict not in NOTICED:
            _progress(f"{verdict}: {mutant.key}")
        if time.monotonic() - said_s > 2.0:
            said_s = time.monotonic()
            counts = ", ".join(f"{count} {name}" for name, count in so_far.most_common())
            _progress(f"{len(found)} of {len(orders.mutants)}: {counts}")
    return found


def _tell(results: Results, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps(results.plain(), indent=1))
    else:
        print(table(results))
    if arguments.write:
        PAGE.write_text(page(results))
    if arguments.keep:
        target = Target(">=", SCORE_MIN)
        keep([Figure("mutants.score", round(results.score, 4), "of 1", target=target)], commit())


def pure_files() -> list[Path]:
    """List the pure modules of rules, judge, engine and desk."""
    found = [
        path.relative_to(CHECKOUT)
        for package in PACKAGES
        for path in sorted((CHECKOUT / "alerts" / package).rglob("*.py"))
    ]
    return [path for path in found if path.as_posix() not in SHELLS]


def tests() -> list[str]:
    """List the tests that need no server."""
    found = [
        path
        for package in WITNESSES
        for path in sorted((CHECKOUT / "tests" / "alerts" / package).rglob("test_*.py"))
    ]
    return [str(path.relative_to(CHECKOUT)) for path in found if SERVED not in path.read_text()]


def mutants_of(files: Sequence[Path]) -> list[Mutant]:
    """Give all mutants of some files."""
    return [
        mutant
        for file in files
        for mutant in mutants((CHECKOUT / file).read_text(), file.as_posix())
    ]


def explanations() -> dict[str, str]:
    """Read why some mutants cannot be noticed."""
    found = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    return {one["mutant"]: one["reason"] for one in found}


def _progress(line: str) -> None:
    print(f"mutants: {line}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("file", nargs="*", help="modules to change, such as alerts/rules/syntax.py")
    parser.add_argument("--sample", type=int, default=0, help="how many; all by default")
    parser.add_argument("--seed", type=int, default=1, help="which, if only some")
    parser.add_argument("--again", type=Path, help="only survivors of a run (what --json printed)")
    parser.add_argument("--part", default="1/1", help="2/3: the second third of what is chosen")
    parser.add_argument("--read", nargs="*", type=Path, help="put together what --json printed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=120.0, help="begin none later")
    parser.add_argument("--slowest", type=float, default=60.0, help="leave slower tests out (s)")
    parser.add_argument("--examples", type=int, default=25, help="of each property, at most")
    parser.add_argument("--score-min", type=float, default=SCORE_MIN, help="a lower score fails")
    parser.add_argument("--tests", nargs="*", default=[], help="instead of all that need no server")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="renew docs/mutants.md")
    parser.add_argument("--keep", action="store_true", help="keep the score with the benchmarks")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
