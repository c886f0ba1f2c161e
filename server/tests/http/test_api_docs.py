"""docs/api.md is what the types say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from galop.http.errors import ERROR_TABLE
from galop.http.schema import ChatCompletionRequest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def make_api_docs() -> ModuleType:
    """The script, imported from where it lies."""
    path = REPOSITORY / "scripts" / "make_api_docs.py"
    spec = importlib.util.spec_from_file_location("make_api_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_the_one_that_the_script_makes(make_api_docs: ModuleType) -> None:
    """Run `python scripts/make_api_docs.py` after changing the types."""
    assert (REPOSITORY / "docs" / "api.md").read_text() == make_api_docs.page()


def test_the_page_has_every_parameter_and_error_code(make_api_docs: ModuleType) -> None:
    """And no hole in its template."""
    page = make_api_docs.page()
    for parameter in ChatCompletionRequest.__struct_fields__:
        assert f"| `{parameter}`" in page
    for row in ERROR_TABLE.values():
        assert row.when in page
        assert row.code is None or f"`{row.code}`" in page
