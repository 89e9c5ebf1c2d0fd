"""Fetches the Java archives of a list from Maven's repository, each checked by its SHA-256.

Run by the environment's Python, which has jgo: `-m setup.maven LIST CACHE FOLDER`. Only what the
list names is fetched; nothing is resolved.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import MavenContext

DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Archive:
    """A line of the list."""

    group: str
    name: str
    version: str
    sha256: str


def main(arguments: list[str]) -> None:
    """Fill FOLDER with exactly the archives of LIST, by way of CACHE."""
    listed, cache, folder = (Path(argument) for argument in arguments)
    archives = [
        _parse(line) for line in listed.read_text().splitlines() if line[:1] not in {"#", ""}
    ]
    context = MavenContext(repo_cache=cache)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        fetched = list(pool.map(lambda archive: _fetch(context, archive), archives))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in fetched:
        shutil.copyfile(path, folder / path.name)
        print(path.name)


def _parse(line: str) -> Archive:
    group, name, version, sha256 = line.replace(":", " ").split()
    return Archive(group, name, version, sha256)


def _fetch(context: MavenContext, archive: Archive) -> Path:
    """Give the archive's path in the cache; what is there already counts only with its hash."""
    artifact = context.project(archive.group, archive.name).at_version(archive.version).artifact()
    kept = artifact.cached_path
    if kept is not None and kept.exists() and _sha256(kept) != archive.sha256:
        kept.unlink()  # half of a download that was ended
    path = Path(artifact.resolve())
    if _sha256(path) != archive.sha256:
        path.unlink()
        sys.exit(f"error: {path.name} has not the SHA-256 that the list names")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
