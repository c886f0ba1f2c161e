"""Names for requests and completions."""

from __future__ import annotations

import re

from galop.http.ids import new_completion_id, new_request_id, request_id_at


def test_a_request_id_is_26_characters_of_crockford_base32() -> None:
    """The prefix req_ and nothing that could be mistaken for another character."""
    assert re.fullmatch(r"req_[0-9a-hjkmnp-tv-z]{26}", new_request_id())


def test_request_ids_sort_by_time() -> None:
    """A later millisecond sorts later, whatever the random bits say."""
    earlier = request_id_at(1_700_000_000_000, 2**80 - 1)
    later = request_id_at(1_700_000_000_001, 0)
    assert earlier < later


def test_a_request_id_encodes_time_and_randomness_exactly() -> None:
    """The layout is that of a ULID."""
    assert request_id_at(1, 1) == "req_" + "0000000001" + "0000000000000001"


def test_a_completion_id_is_a_prefixed_uuid() -> None:
    """chatcmpl- and a UUID of version 4."""
    assert re.fullmatch(r"chatcmpl-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-.{17}", new_completion_id())
