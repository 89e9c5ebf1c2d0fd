"""What mutation testing found: a table for people, a value for machines, the page of docs/."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bench.mutants.forks import Verdict
from bench.mutants.mutate import Mutant

NOTICED = ("killed", "hung")


@dataclass(frozen=True)
class Results:
    """Verdicts, why some mutants are not judged, how many there are, and reasons without mutant.

    ``how``: how they were chosen, and by what they were judged, as a sentence.
    """

    verdicts: tuple[tuple[Mutant, Verdict], ...]
    explained: Mapping[str, str]
    total: int
    stale: tuple[str, ...]
    how: str = ""

    @property
    def score(self) -> float:
        """Noticed of all judged."""
        noticed = sum(verdict in NOTICED for _, verdict in self.verdicts)
        return noticed / len(self.verdicts) if self.verdicts else 0.0

    @property
    def survivors(self) -> list[tuple[Mutant, Verdict]]:
        """Those that no test noticed."""
        found = [item for item in self.verdicts if item[1] not in NOTICED]
        return sorted(found, key=lambda item: (item[0].path, item[0].line, item[0].key))

    def files(self) -> dict[str, tuple[int, int]]:
        """Count by file: noticed, judged."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for mutant, verdict in self.verdicts:
            counts[mutant.path][0] += verdict in NOTICED
            counts[mutant.path][1] += 1
        return {path: (noticed, judged) for path, (noticed, judged) in sorted(counts.items())}

    def plain(self) -> dict[str, object]:
        """Give it as JSON takes it."""
        return {
            "score": self.score,
            "judged": len(self.verdicts),
            "mutants": self.total,
            "equivalent": len(self.explained),
            "how": self.how,
            "files": {
                path: {"noticed": noticed, "judged": judged}
                for path, (noticed, judged) in self.files().items()
            },
            "survivors": [
                {"mutant": mutant.key, "line": mutant.line, "verdict": verdict}
                for mutant, verdict in self.survivors
            ],
            "verdicts": {mutant.key: verdict for mutant, verdict in self.verdicts},
            "explained_but_gone": list(self.stale),
        }


def table(results: Results) -> str:
    """Lay it out for people."""
    lines = [f"{'noticed':>8}{'judged':>8}  file"]
    lines += [
        f"{noticed:8}{judged:8}  {path}" for path, (noticed, judged) in results.files().items()
    ]
    lines += ["", "survivors:"] if results.survivors else ["", "no survivors"]
    lines += [f"  {mutant.line:4} {mutant.key}  [{why}]" for mutant, why in results.survivors]
    lines += [f"  explained, but there is no such mutant: {key}" for key in results.stale]
    lines.append(f"\n{_sum(results)}")
    return "\n".join(lines)


def _sum(results: Results) -> str:
    return (
        f"score {results.score:.1%}: {len(results.verdicts) - len(results.survivors)} of "
        f"{len(results.verdicts)} judged were noticed; {results.total} mutants in all, "
        f"{len(results.explained)} of them explained as equivalent"
    )


def page(results: Results) -> str:
    """Write docs/mutants.md."""
    lines = [
        "# Mutants that no test notices",
        "",
        "Written by `make mutants`. A mutant is one small change of the rules, the engine or the",
        "desk: a comparison, a sign, a limit, a returned value, a statement left out. A test",
        "should fail for each. What is listed as equivalent changes nothing that is ever seen.",
        "",
        f"**{_sum(results)}.**",
        "",
        results.how,
        "",
        "| file | noticed | judged |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {path} | {noticed} | {judged} |" for path, (noticed, judged) in results.files().items()
    ]
    lines += ["", "## Survivors", ""]
    lines += [f"- `{_code(mutant.key)}` ({why})" for mutant, why in results.survivors] or ["None."]
    lines += ["", "## Equivalent", ""]
    lines += [f"- `{_code(key)}`: {reason}" for key, reason in sorted(results.explained.items())]
    return "\n".join(lines).rstrip() + "\n"


def _code(key: str) -> str:
    return key.replace("`", "'")
