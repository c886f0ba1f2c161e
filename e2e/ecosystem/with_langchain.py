"""langchain-groq: chat, stream, tools, structured output; synchronous and asynchronous."""

import asyncio
import json

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_groq import ChatGroq
from pydantic import BaseModel, Field

llm = ChatGroq(model="llama3-8b-8192", temperature=0, max_tokens=16, model_kwargs={"seed": 1})
longer = ChatGroq(model="llama3-8b-8192", temperature=0, max_tokens=60, model_kwargs={"seed": 1})


class City(BaseModel):
    """A city."""

    name: str = Field(max_length=20)
    country: str = Field(max_length=20)


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


question = "What is the capital of France?"
answer = llm.invoke(question)
chunks = list(llm.stream(question))

prompt = HumanMessage("What is the weather in Paris?")
called = longer.bind_tools([get_weather], tool_choice="get_weather").invoke([prompt])
(call,) = called.tool_calls
result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
after = llm.bind_tools([get_weather], tool_choice="none").invoke([prompt, called, result])

city = "Paris is the capital of France. Describe it as JSON with name and country."
structured = [
    longer.with_structured_output(City, method=method).invoke(city)
    for method in ("json_schema", "function_calling")
]


async def asynchronous() -> list[str]:
    answered = await llm.ainvoke(question)
    streamed = [chunk.content async for chunk in llm.astream(question)]
    return [answered.content, "".join(streamed)]


print(
    json.dumps(
        {
            "answers": [
                answer.content,
                "".join(chunk.content for chunk in chunks),
                # One model object in two event loops, one after the other.
                *asyncio.run(asynchronous()),
                *asyncio.run(asynchronous()),
            ],
            "usage": answer.usage_metadata,
            "num_chunks": len(chunks),
            "call": call,
            "after_call": after.content,
            "structured": [type(one).__name__ for one in structured],
        }
    )
)
