"""instructor: a type out of a tool call and out of JSON mode, synchronous and asynchronous."""

import asyncio
import json

import instructor
from pydantic import BaseModel, Field

import groq


class City(BaseModel):
    name: str = Field(max_length=20)


class Document(BaseModel, extra="allow"):
    """Any JSON object: JSON mode promises no more, and a small model keeps to no schema."""


REQUEST = {
    "model": "llama3-8b-8192",
    "messages": [{"role": "user", "content": 'Reply with exactly this JSON: {"name": "Paris"}'}],
    "temperature": 0,
    "seed": 1,
    "max_tokens": 60,
}


def ask(mode: instructor.Mode, type_: type[BaseModel]) -> BaseModel:
    client = instructor.from_groq(groq.Groq(), mode=mode)
    return client.chat.completions.create(**REQUEST, response_model=type_)


async def ask_async(mode: instructor.Mode, type_: type[BaseModel]) -> BaseModel:
    client = instructor.from_groq(groq.AsyncGroq(), mode=mode)
    return await client.chat.completions.create(**REQUEST, response_model=type_)


city = ask(instructor.Mode.TOOLS, City)
document = ask(instructor.Mode.JSON, Document)
later = asyncio.run(ask_async(instructor.Mode.TOOLS, City))
print(
    json.dumps(
        {
            "cities": [city.name, later.name],
            "document": type(document).__name__,
            "num_tokens": city._raw_response.usage.completion_tokens,
        }
    )
)
