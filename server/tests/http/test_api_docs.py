"""docs/api.md is what the types say."""

from __future__ import annotations

from galop.http.errors import ERROR_TABLE
from galop.http.schema import ChatCompletionRequest
from scripts import make_api_docs


def test_the_page_has_every_parameter_and_error_code() -> None:
    """And no hole in its template."""
    page = make_api_docs.page()
    for parameter in ChatCompletionRequest.__struct_fields__:
        assert f"| `{parameter}`" in page
    for row in ERROR_TABLE.values():
        assert row.when in page
        assert row.code is None or f"`{row.code}`" in page
