"""What a resource is: a client, and short names for its verbs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._client import AsyncGroq, Groq


class SyncAPIResource:
    """A group of operations of the synchronous client."""

    _client: Groq

    def __init__(self, client: Groq) -> None:
        self._client = client
        self._get = client.get
        self._post = client.post
        self._patch = client.patch
        self._put = client.put
        self._delete = client.delete

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class AsyncAPIResource:
    """A group of operations of the asynchronous client."""

    _client: AsyncGroq

    def __init__(self, client: AsyncGroq) -> None:
        self._client = client
        self._get = client.get
        self._post = client.post
        self._patch = client.patch
        self._put = client.put
        self._delete = client.delete

    async def _sleep(self, seconds: float) -> None:
        import anyio

        await anyio.sleep(seconds)
