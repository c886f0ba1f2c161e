"""The client beside a loopback server that writes what a test says, cut where it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from galop.benchmark.client import AnswerError, Block, Completion, ServerUnreachableError, Target

EVENTS = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"Gr\xc3\xbc"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"n"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
    b"data: [DONE]\n\n"
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def chunked(parts: Sequence[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


async def answers_to(answer: bytes, *, pieces: int = 1) -> Completion:
    """What the client makes of these bytes, written in so many pieces."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = -(-len(answer) // pieces)
        for start in range(0, len(answer), size):
            writer.write(answer[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await Target(f"http://127.0.0.1:{port}", model="m").complete({"messages": []})


@pytest.mark.parametrize("cut", range(1, len(EVENTS), 7))
def test_a_chunk_may_end_anywhere(cut: int) -> None:
    """HTTP chunks need not be events: text and usage are the same wherever they are cut."""
    body = chunked([EVENTS[:cut], EVENTS[cut:]])
    answer = asyncio.run(answers_to(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body, pieces=3))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Grün", 5, 2)


def test_a_body_may_end_with_the_connection() -> None:
    """Without a length and without chunks, the end of the connection is the end (RFC 9112 6.3)."""
    assert asyncio.run(answers_to(HEAD + b"\r\n" + EVENTS)).text == "Grün"


def test_empty_content_is_no_first_token() -> None:
    """The chunk with the role and empty content does not count."""
    answer = asyncio.run(answers_to(HEAD + b"\r\n" + EVENTS))
    assert len(answer.content_times_s) == 2
    assert answer.first_token_s == answer.content_times_s[0] - answer.sent_s > 0


def test_a_refusal_names_status_and_body() -> None:
    """Other statuses than 200 raise with what the server said."""
    refusal = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
    with pytest.raises(AnswerError, match="429: slow"):
        asyncio.run(answers_to(refusal))


def test_an_error_inside_a_stream_is_an_error() -> None:
    """A fault after the headers comes as an event."""
    event = b'data: {"error":{"message":"broken"}}\n\n'
    with pytest.raises(AnswerError, match="broken"):
        asyncio.run(answers_to(HEAD + b"\r\n" + event))


def test_a_cut_chunked_body_is_not_a_whole_answer() -> None:
    """The last chunk is missing: the answer did not end, the connection broke."""
    body = chunked([EVENTS])[:-5]
    with pytest.raises(ServerUnreachableError, match="does not answer"):
        asyncio.run(answers_to(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body))


def test_nobody_listens() -> None:
    """A refused connection names the address."""
    with pytest.raises(ServerUnreachableError, match="http://127.0.0.1:9"):
        asyncio.run(Target("http://127.0.0.1:9", model="m").complete({}))


def test_speed_is_all_tokens_over_the_time_from_first_send_to_last_end() -> None:
    """Streams of a block overlap; its wall time is counted once."""
    block = Block(
        (Completion(0.0, (0.5,), 2.0, 1, 10, "ab"), Completion(1.0, (1.2,), 4.0, 1, 30, "cdef"))
    )
    assert (block.tokens_per_s, block.characters_per_s) == (10.0, 1.5)
    assert block.first_token_s(0.99) == 0.5
