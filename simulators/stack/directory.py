"""A directory for the stack that PostgreSQL's own user can pass through."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stack_directory() -> Iterator[Path]:
    """Make a directory under the system's temporary one; remove it with everything in it.

    Others may pass through it but not list it: what lies inside is closed by itself. pytest's
    ``tmp_path`` will not do as root, for its parents let nobody else in.
    """
    directory = make_stack_directory()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_stack_directory() -> Path:
    """Make the directory and leave its removal to the caller."""
    directory = Path(tempfile.mkdtemp(prefix="vitalwire-"))
    directory.chmod(0o711)
    return directory
