"""The page's scripts: what one needs is there, and needs nothing of those that need it."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from alerts.feed import web

FOLDER = Path(web.__file__).parent / "static"
ENTRY = "feed.js"
LINES_MAX = 150
_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([^"]+)";$', re.MULTILINE)


def imports() -> dict[str, set[str]]:
    return {
        path.name: set(_IMPORT.findall(path.read_text(encoding="utf-8")))
        for path in FOLDER.glob("*.js")
    }


def test_scripts_import_one_way_and_all_of_them_are_used() -> None:
    order = list(TopologicalSorter(imports()).static_order())  # raises on a circle
    assert order[-1] == ENTRY  # all others are needed, and it by none
    assert {*order} == imports().keys()  # what is imported is there


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_a_script_is_short_and_its_imports_are_understood_here(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(imports()[path.name]) == text.count("import ")
    assert text.count("\n") <= LINES_MAX
