"""`python -m bench.fuzz.one TARGET [libFuzzer's arguments]`: one target in this process."""

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    target = sys.argv.pop(1)
    with atheris.instrument_imports(include=["schemas.gatt"]):
        targets = importlib.import_module("bench.fuzz.targets")
    check = targets.targets()[target]
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
