"""docs/structured-output.md is what the examples of keywords say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_the_committed_page_is_the_one_that_the_script_makes() -> None:
    """Run `python scripts/make_structured_docs.py` after changing the grammar."""
    path = REPOSITORY / "scripts" / "make_structured_docs.py"
    spec = importlib.util.spec_from_file_location("make_structured_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (REPOSITORY / "docs" / "structured-output.md").read_text() == module.page()
