"""What an editor infers. Never run: mypy and pyright check that each assertion holds."""

from __future__ import annotations

from typing import Any, assert_type

from pydantic import BaseModel

from groq import AsyncGroq, AsyncStream, Groq, Stream, Timeout
from groq.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ParsedChatCompletion,
)


class Recipe(BaseModel):
    title: str


def synchronous(client: Groq, messages: list[ChatCompletionMessageParam], flag: bool) -> None:
    create = client.chat.completions.create
    assert_type(create(messages=messages, model="m"), ChatCompletion)
    assert_type(create(messages=messages, model="m", stream=False), ChatCompletion)
    assert_type(create(messages=messages, model="m", stream=None), ChatCompletion)
    assert_type(create(messages=messages, model="m", stream=True), Stream[ChatCompletionChunk])
    assert_type(
        create(messages=messages, model="m", stream=flag),
        ChatCompletion | Stream[ChatCompletionChunk],
    )
    create(messages=messages, model="m", stop=["a"], temperature=None, timeout=Timeout(total=1))
    create(messages=messages, model="m", temperatur=1)  # type: ignore[call-overload]  # pyright: ignore

    answer = client.chat.completions.parse(messages=messages, model="m", response_format=Recipe)
    assert_type(answer, ParsedChatCompletion[Recipe])
    assert_type(answer.choices[0].message.parsed, Recipe | None)
    assert_type(answer.parsed, Recipe | None)
    plain = client.chat.completions.parse(messages=messages, model="m")
    assert_type(plain, ParsedChatCompletion[Any])

    with client.chat.completions.stream(
        messages=messages, model="m", response_format=Recipe
    ) as stream:
        for event in stream:
            if event.type == "content.delta":
                assert_type(event.delta, str)
                assert_type(event.partial, Recipe | None)
            elif event.type == "content.done":
                assert_type(event.parsed, Recipe | None)
            elif event.type == "chunk":
                assert_type(event.chunk, ChatCompletionChunk)
        assert_type(stream.get_final_completion(), ParsedChatCompletion[Recipe])

    messages_with_answer = [*messages, answer.choices[0].message]
    create(messages=messages_with_answer, model="m")


async def asynchronous(client: AsyncGroq, messages: list[ChatCompletionMessageParam]) -> None:
    create = client.chat.completions.create
    assert_type(await create(messages=messages, model="m"), ChatCompletion)
    assert_type(
        await create(messages=messages, model="m", stream=True), AsyncStream[ChatCompletionChunk]
    )
    answer = await client.chat.completions.parse(
        messages=messages, model="m", response_format=Recipe
    )
    assert_type(answer.parsed, Recipe | None)
    async with client.chat.completions.stream(messages=messages, model="m") as stream:
        async for event in stream:
            if event.type == "content.delta":
                assert_type(event.delta, str)
        assert_type(await stream.get_final_text(), str)
