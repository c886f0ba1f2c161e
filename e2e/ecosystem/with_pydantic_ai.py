"""pydantic-ai's groq model: run, stream, a tool that it calls, an output type."""

import asyncio
import json
from typing import Annotated

from annotated_types import MaxLen
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.groq import GroqModel
from pydantic_ai.providers.groq import GroqProvider

import groq

model = GroqModel(
    "llama3-8b-8192",
    provider=GroqProvider(groq_client=groq.AsyncGroq()),
    settings={"temperature": 0, "seed": 1, "max_tokens": 40},
)
question = "What is the capital of France?"


class City(BaseModel):
    name: Annotated[str, MaxLen(20)]


def look_up(city: Annotated[str, MaxLen(20)]) -> str:
    """Look a city up."""
    return f"{city} is a city."


async def streamed() -> tuple[str, int]:
    async with Agent(model).run_stream(question) as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    return "".join(pieces), len(pieces)


ran = Agent(model).run_sync(question)
text, num_pieces = asyncio.run(streamed())
city = Agent(model, output_type=City).run_sync("Name the capital of France.").output
function = Agent(model, output_type=look_up).run_sync("Look Paris up.").output
print(
    json.dumps(
        {
            "answers": [ran.output, text],
            "output_tokens": ran.usage.output_tokens,
            "num_pieces": num_pieces,
            "city": city.name,
            "function": function,
        }
    )
)
