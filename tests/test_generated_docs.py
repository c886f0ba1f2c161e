"""What is made from the code is as the code is: `make docs` would change nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import make_docs

PAGES = make_docs.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(make_docs.ROOT)))
def test_the_committed_file_is_the_generated_one(path: Path) -> None:
    """Run `make docs` after changing settings, wire types, errors, metrics or the grammar."""
    assert path.read_text() == PAGES[path]


def test_every_generator_is_run() -> None:
    """A new script `make_..._docs.py` belongs to `make docs`."""
    scripts = {path.stem for path in (make_docs.ROOT / "scripts").glob("make_*_docs.py")}
    assert scripts == set(re.findall(r"\bmake_\w+_docs\b", Path(make_docs.__file__).read_text()))
