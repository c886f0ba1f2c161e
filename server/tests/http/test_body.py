"""Bounds on a body before it is parsed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from galop.http.body import check_nesting, require_json
from galop.http.errors import InvalidRequestError, UnsupportedMediaTypeError
from galop.http.limits import RequestLimits

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab[]{}"\\ ü\n'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('[{"\\'), inner, max_size=4)
    ),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def containers_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(containers_of, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(containers_of, value))
    return 0


def is_refused(value: object, limits: RequestLimits, *, ensure_ascii: bool) -> bool:
    try:
        check_nesting(json.dumps(value, ensure_ascii=ensure_ascii).encode(), limits)
    except InvalidRequestError:
        return True
    return False


@settings(deadline=None)
@given(value=JSON, max_depth=st.integers(0, 6), ensure_ascii=st.booleans())
def test_depth_is_that_of_the_parsed_value(
    value: object, max_depth: int, ensure_ascii: bool
) -> None:
    """Brackets inside strings, and escaped quotes, do not count."""
    limits = RequestLimits(max_nesting_depth=max_depth)
    assert is_refused(value, limits, ensure_ascii=ensure_ascii) == (depth_of(value) > max_depth)


@settings(deadline=None)
@given(value=JSON, max_containers=st.integers(0, 9), ensure_ascii=st.booleans())
def test_containers_are_those_of_the_parsed_value(
    value: object, max_containers: int, ensure_ascii: bool
) -> None:
    """Every array and object counts, empty ones too."""
    limits = RequestLimits(max_containers=max_containers)
    is_too_many = containers_of(value) > max_containers
    assert is_refused(value, limits, ensure_ascii=ensure_ascii) == is_too_many


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "Application/JSON; charset=utf-8"]
)
def test_json_and_nothing_are_content_types_of_a_body(content_type: str) -> None:
    """Parameters and case do not matter, and many programs send none."""
    require_json(Headers({"content-type": content_type}))


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "json"])
def test_other_content_types_are_refused(content_type: str) -> None:
    """A form posted by a browser is not a request."""
    with pytest.raises(UnsupportedMediaTypeError):
        require_json(Headers({"content-type": content_type}))
