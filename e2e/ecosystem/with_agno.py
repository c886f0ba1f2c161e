"""agno: an agent's answer, whole, streamed and asynchronous, and a tool that it must call."""

import asyncio
import json

from agno.agent import Agent
from agno.models.groq import Groq
from agno.tools import tool

question = "What is the capital of France?"
model = Groq(id="llama3-8b-8192", temperature=0, seed=1, max_tokens=16)
seen = []


@tool(stop_after_tool_call=True)
def get_weather(city: str) -> str:
    """The weather in a city."""
    seen.append(city)
    return f"Sunny in {city}."


whole = Agent(model=model).run(question)
pieces = [event.content for event in Agent(model=model).run(question, stream=True) if event.content]
later = asyncio.run(Agent(model=model).arun(question))
Agent(
    model=Groq(id="llama3-8b-8192", temperature=0, seed=1, max_tokens=40),
    tools=[get_weather],
    tool_choice={"type": "function", "function": {"name": "get_weather"}},
).run("What is the weather in Paris?")
print(
    json.dumps(
        {
            "answers": [whole.content, "".join(pieces), later.content],
            "num_pieces": len(pieces),
            "output_tokens": whole.metrics.output_tokens,
            "num_tool_calls": len(seen),
        }
    )
)
