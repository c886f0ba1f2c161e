"""The trust store that is read late still decides who is trusted.

`data/localhost.pem` is a certificate for localhost and its key, made for these tests alone.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import groq
from groq import AsyncGroq, DefaultAsyncHttpxClient, DefaultHttpxClient, Groq
from groq._transport import _TrustOnFirstUse

CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
BODY = b'{"object":"list","data":[]}'


@pytest.fixture
def https_url() -> Iterator[str]:
    """A server that shows the certificate, and answers every request with an empty list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(accepted, server_side=True) as connection:
                    while b"\r\n\r\n" in connection.recv(1 << 16):
                        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
            except OSError:  # a client that does not trust us hangs up
                accepted.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def new_context() -> Any:
    return _TrustOnFirstUse(ssl.PROTOCOL_TLS_CLIENT)


def test_a_server_of_the_named_authority_is_trusted(
    https_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE` replaces the bundled authorities, as it does for httpx."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with Groq(
        api_key="k", base_url=https_url, http_client=DefaultHttpxClient(verify=new_context())
    ) as client:
        assert client.models.list().data == []


async def test_a_server_of_the_named_authority_is_trusted_asynchronously(
    https_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way into the handshake loads the authorities too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    http_client = DefaultAsyncHttpxClient(verify=new_context())
    async with AsyncGroq(api_key="k", base_url=https_url, http_client=http_client) as client:
        assert (await client.models.list()).data == []


def test_a_server_that_nobody_vouches_for_is_refused(
    https_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading late does not mean trusting early."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    http_client = DefaultHttpxClient(verify=new_context())
    with (
        Groq(api_key="k", base_url=https_url, http_client=http_client, max_retries=0) as client,
        pytest.raises(groq.APIConnectionError) as caught,
    ):
        client.models.list()

    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)
