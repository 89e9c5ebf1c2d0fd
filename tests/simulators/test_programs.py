from pathlib import Path

import pytest

from schemas.errors import MisconfiguredError
from simulators import programs


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs, "UNPACKED", tmp_path / "unpacked")
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    return tmp_path / "unpacked"


def test_unpacked_program_is_found(unpacked: Path) -> None:
    wrapper = executable(unpacked / "fetched-program")
    assert programs.find_program("fetched-program") == wrapper


def test_the_machines_own_program_comes_first(unpacked: Path, tmp_path: Path) -> None:
    executable(unpacked / "fetched-program")
    own = executable(tmp_path / "system" / "fetched-program")
    assert programs.find_program("fetched-program") == own


@pytest.mark.usefixtures("unpacked")
def test_missing_program_names_cause_and_way_out() -> None:
    with pytest.raises(MisconfiguredError, match=r"fetched-program.*make setup"):
        programs.find_program("fetched-program")
