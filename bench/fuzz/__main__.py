"""`python -m bench.fuzz [TARGET…]`: fuzz every codec for a while, each in a process of its own.

It begins with the payloads of ``tests/vectors``. What is found is shown with its bytes, kept in
``.fuzz/``, and makes the command fail; first comes a test that fails, then the repair. ``--keep``
appends the figures to ``bench/results.jsonl``.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench import record
from bench.fuzz.targets import seeds, targets
from bench.record import Figure, Target

FINDINGS = record.CHECKOUT / ".fuzz"
VECTORS = record.CHECKOUT / "tests" / "vectors"
PAYLOAD_BYTES_MAX = 64
HANGS_AFTER_S = 5
_SLACK_S = 60.0
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """How one target fared. ``edges`` of its code were reached, with ``features`` in all."""

    target: str
    inputs: int
    seconds: float
    edges: int
    features: int
    findings: tuple[Path, ...]
    said: str

    def __str__(self) -> str:
        line = (
            f"{self.target:44}{self.inputs:12,}{self.seconds:9.1f}{self.edges:7}{self.features:10}"
            f"  {len(self.findings)}"
        )
        found = [f"{self.said}\n{path}: {path.read_bytes().hex()}" for path in self.findings]
        return "\n".join([line, *found])


def main() -> int:
    """Fuzz what the command line names, or everything; 1 if something was found."""
    if platform.machine() != "x86_64":
        print(f"fuzzing needs x86_64: there is no atheris for {platform.machine()}; nothing done")
        return 0
    arguments = _arguments()
    commit, runs = record.commit(), []
    limits = (
        f"-runs={arguments.inputs}",
        f"-max_total_time={arguments.seconds}",
        f"-seed={arguments.seed}",
    )
    print(f"{'target':44}{'inputs':>12}{'seconds':>9}{'edges':>7}{'features':>10}  findings")
    with ThreadPoolExecutor(arguments.jobs) as jobs:
        for run in jobs.map(
            lambda target: fuzz(target, limits, arguments.seconds + _SLACK_S),
            arguments.target or targets(),
        ):
            print(run, flush=True)
            runs.append(run)
    figures = list(_figures(runs))
    print(record.table(figures))
    if arguments.keep:
        record.keep(figures, commit)
    return int(any(run.findings for run in runs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description="Fuzz the codecs.")
    parser.add_argument("target", nargs="*", help=", ".join(targets()))
    parser.add_argument("--inputs", type=int, default=-1, help="for each target; -1: no limit")
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="0: another one in each run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--keep", action="store_true", help="append to bench/results.jsonl")
    arguments = parser.parse_args()
    if unknown := set(arguments.target) - targets().keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return arguments


def fuzz(target: str, limits: tuple[str, ...], within_s: float) -> Run:
    """Fuzz one target within libFuzzer's ``limits``."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        corpus, artifacts = Path(directory) / "corpus", Path(directory) / "findings"
        corpus.mkdir()
        artifacts.mkdir()
        for number, seed in enumerate(seeds(_payloads(), target)):
            (corpus / str(number)).write_bytes(seed)
        command = (sys.executable, "-m", "bench.fuzz.one", target, *limits)
        options = (
            f"-max_len={PAYLOAD_BYTES_MAX}",
            f"-timeout={HANGS_AFTER_S}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
        )
        done = subprocess.run(
            (*command, *options, str(corpus)),
            capture_output=True,
            check=False,
            timeout=within_s,
            cwd=record.CHECKOUT,
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        findings = tuple(_kept(artifacts, target))
    executed = _EXECUTED.findall(said)
    if (done.returncode != 0 and not findings) or not executed:
        raise RuntimeError(f"{target}: the fuzzer ended with {done.returncode}:\n{said[-4000:]}")
    edges, features = (_COVERAGE.findall(said) or [(0, 0)])[-1]  # (0, 0): code without a branch
    return Run(
        target=target,
        inputs=int(executed[-1]),
        seconds=time.monotonic() - began_s,
        edges=int(edges),
        features=int(features),
        findings=findings,
        said=said[-4000:],
    )


def _payloads() -> list[bytes]:
    """Give every payload of the vectors."""
    packets = [packet for path in sorted(VECTORS.glob("*.json")) for packet in _packets(path)]
    return sorted({bytes.fromhex(packet) for packet in packets})


def _packets(path: Path) -> Iterator[str]:
    found = json.loads(path.read_text())
    for packets in found.values() if isinstance(found, dict) else [found]:
        yield from (packet["hex"] for packet in packets)


def _kept(artifacts: Path, target: str) -> Iterator[Path]:
    """Move what was found to where it stays."""
    for artifact in sorted(artifacts.iterdir()):
        FINDINGS.mkdir(exist_ok=True)
        kept = FINDINGS / f"{target}-{artifact.name}"
        shutil.move(artifact, kept)
        yield kept


def _figures(runs: list[Run]) -> Iterator[Figure]:
    inputs = sum(run.inputs for run in runs)
    seconds = sum(run.seconds for run in runs)
    found = sum(len(run.findings) for run in runs)
    yield Figure("fuzz.inputs", inputs, "inputs")
    yield Figure("fuzz.rate", inputs / seconds, "inputs/s")
    yield Figure("fuzz.edges", sum(run.edges for run in runs), "edges reached")
    yield Figure("fuzz.findings", found, "findings", target=Target("<=", 0))


if __name__ == "__main__":
    sys.exit(main())
