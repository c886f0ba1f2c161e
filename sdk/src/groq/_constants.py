"""Defaults that a user may import, each with its reason."""

import httpx

RAW_RESPONSE_HEADER = "X-Stainless-Raw-Response"
"""Set by the `.with_raw_response` and `.with_streaming_response` wrappers: "raw" or "stream"."""

OVERRIDE_CAST_TO_HEADER = "____stainless_override_cast_to"

DEFAULT_TIMEOUT = httpx.Timeout(timeout=60, connect=5.0)
"""Per read, write and pool wait; a long generation streams or raises `timeout=`."""

DEFAULT_MAX_RETRIES = 2
INITIAL_RETRY_DELAY = 0.5
MAX_RETRY_DELAY = 8.0

DEFAULT_CONNECTION_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
"""Ten times httpx's own: 130 parallel streams must not wait for each other."""

DRAIN_AFTER_DONE_S = 0.05
"""How long a finished stream may wait for the end of the HTTP body, to keep the connection."""
