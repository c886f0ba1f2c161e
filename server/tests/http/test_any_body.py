"""Whatever a client sends, the fault is never ours."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galop.http import Compat
from galop.http.schema import AssistantMessage, ChatCompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.tests.http.conftest import Caller

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["user", "assistant", "system", "tool", "text", "json_object", "plain", "auto"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "1"]), inner, max_size=4
        )
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def records(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(names) | st.text(max_size=6)
    return st.dictionaries(keys, VALUES, max_size=5)


MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "developer", "tool"])},
    optional={"content": VALUES},
).flatmap(
    lambda message: records(AssistantMessage.__struct_fields__).map(
        lambda extra: {**extra, **message}
    )
)
NEARLY_REQUESTS = st.builds(
    lambda messages, parameters: {"model": "plain", "messages": messages, **parameters},
    st.lists(MESSAGES | st.just({"role": "user", "content": "Hi"}), max_size=3),
    records(ChatCompletionRequest.__struct_fields__),
)
FAST = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def post(make_caller: Callable[..., Caller]) -> Callable[[bytes, Compat], tuple[int, bytes]]:
    """Posts bytes to an application of a profile."""
    caller_of = cache(make_caller)

    def post_body(body: bytes, compat: Compat) -> tuple[int, bytes]:
        answer = caller_of(compat).post(body)
        return answer.status, answer.body

    return post_body


def require_an_answer(status: int, body: bytes) -> None:
    assert status in (200, 400, 404)
    if status != 200:
        error = json.loads(body)["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"]


@pytest.mark.parametrize("compat", ["default", "groq-2024"])
@FAST
@given(value=NEARLY_REQUESTS | VALUES)
def test_any_json_is_answered_or_refused(
    post: Callable[[bytes, Compat], tuple[int, bytes]], compat: Compat, value: object
) -> None:
    """Also NaN and Infinity, which Python writes and JSON does not have."""
    require_an_answer(*post(json.dumps(value).encode(), compat))


@pytest.mark.parametrize("compat", ["default", "groq-2024"])
@FAST
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(
    post: Callable[[bytes, Compat], tuple[int, bytes]], compat: Compat, body: bytes
) -> None:
    """Or, by chance, answered."""
    require_an_answer(*post(body, compat))
