"""Where a demo keeps its data: a fresh directory that goes with it, or one that stays."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import MisconfiguredError, VitalwireError
from simulators.stack.directory import make_stack_directory


class Place:
    """The directory, and whether it goes when the demo ends."""

    def __init__(self, directory: Path, *, passing: bool) -> None:
        """``passing``: made for this run alone."""
        self.directory = directory
        self.passing = passing

    def keep(self) -> None:
        """Let it stay: somebody will want the logs."""
        self.passing = False

    def note(self, environment: Mapping[str, str]) -> str:
        """Write down for a shell where everything is, and the programs; give the file, quoted."""
        path = self.directory / "env"
        said = [f"export {name}={shlex.quote(at)}" for name, at in environment.items()]
        said.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        path.write_text("\n".join(said) + "\n")
        return shlex.quote(str(path))


@contextmanager
def demo_place(data: Path | None, *, continued: bool) -> Iterator[Place]:
    """Make or take the directory; ``continued`` allows one that an earlier run has filled.

    It stays after an error that may name a log in it. Raises ``MisconfiguredError`` for a directory
    that cannot be used.
    """
    if data is None:
        place = Place(make_stack_directory(), passing=True)
    else:
        place = Place(_usable(data.absolute(), continued=continued), passing=False)
    try:
        yield place
    except VitalwireError:
        if any(place.directory.rglob("*.log")):
            place.keep()
        raise
    finally:
        if place.passing:
            shutil.rmtree(place.directory, ignore_errors=True)


def _usable(data: Path, *, continued: bool) -> Path:
    try:
        if not data.exists():
            data.mkdir(parents=True)
            data.chmod(0o711)  # PostgreSQL's own user passes through
        if any(data.iterdir()) and not continued:
            raise MisconfiguredError(
                f"{data} is not empty; simulated devices begin anew and need a new place.",
                "Choose another directory with --data, or remove this one.",
            )
    except OSError as error:
        raise MisconfiguredError(
            f"{data} cannot be used: {error.strerror}.", "Choose another directory with --data."
        ) from error
    return data
