"""What one client costs, in CPU microseconds of its own process.

Run as `python client_cost.py CLIENT URL`, CLIENT being httpx, groq or openai, with that package
installed; prints one JSON object, case -> CPU us per unit. `compare.py` does that for several
environments, in turn.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable

NUM_EVENTS = 1000
SHORT = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say hello to everyone here."},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {
            "type": "object",
            "properties": {
                f"field_{i}": {"type": "string", "description": "A field."} for i in range(8)
            },
            "required": ["field_0"],
        },
    },
}
LONG = [{"role": ("user", "assistant")[i % 2], "content": "lorem ipsum " * 40} for i in range(101)]
TOOLS = [TOOL] * 20


def cpu_us() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def per_unit(run: Callable[[], object], num_units: int) -> float:
    started = cpu_us()
    run()
    return (cpu_us() - started) / num_units


def repeat(call: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def httpx_cases(url: str) -> dict[str, float]:
    import httpx

    client = httpx.Client()
    endpoint = url + "/openai/v1/chat/completions"

    def call(messages: list, tools: list | None = None) -> None:
        body = {"messages": messages, "model": "m"} | ({"tools": tools} if tools else {})
        response = client.post(endpoint, json=body)
        json.loads(response.content)

    def stream() -> None:
        body = {"messages": SHORT, "model": "m", "stream": True}
        with client.stream("POST", endpoint, json=body) as response:
            for _ in response.iter_lines():
                pass

    for _ in range(20):
        call(SHORT)
    stream()
    costs = {
        "call": per_unit(repeat(lambda: call(SHORT), 300), 300),
        "long call": per_unit(repeat(lambda: call(LONG, TOOLS), 60), 60),
        "chunk": per_unit(repeat(stream, 20), 20 * NUM_EVENTS),
    }

    async def asynchronous() -> None:
        async with httpx.AsyncClient() as aclient:

            async def acall() -> None:
                response = await aclient.post(endpoint, json={"messages": SHORT, "model": "m"})
                json.loads(response.content)

            async def astream() -> None:
                body = {"messages": SHORT, "model": "m", "stream": True}
                async with aclient.stream("POST", endpoint, json=body) as response:
                    async for _ in response.aiter_lines():
                        pass

            await measure_async(acall, astream, costs)

    asyncio.run(asynchronous())
    return costs


async def measure_async(
    acall: Callable[[], Awaitable[object]],
    astream: Callable[[], Awaitable[object]],
    costs: dict[str, float],
) -> None:
    for _ in range(20):
        await acall()
    await astream()
    started = cpu_us()
    for _ in range(300):
        await acall()
    costs["async call"] = (cpu_us() - started) / 300
    started = cpu_us()
    for _ in range(20):
        await astream()
    costs["async chunk"] = (cpu_us() - started) / (20 * NUM_EVENTS)
    await asyncio.gather(*(acall() for _ in range(100)))
    started = cpu_us()
    for _ in range(3):
        await asyncio.gather(*(acall() for _ in range(100)))
    costs["async call, 100 in flight"] = (cpu_us() - started) / 300


def sdk_cases(name: str, url: str) -> dict[str, float]:
    if name == "groq":
        from groq import AsyncGroq as Async
        from groq import Groq as Sync
    else:
        from openai import AsyncOpenAI as Async
        from openai import OpenAI as Sync
    base_url = url if name == "groq" else url + "/openai/v1"
    client = Sync(api_key="k", base_url=base_url)

    def call(messages: list, **extra: object) -> None:
        client.chat.completions.create(messages=messages, model="m", **extra)

    def stream() -> None:
        for _ in client.chat.completions.create(messages=SHORT, model="m", stream=True):
            pass

    for _ in range(20):
        call(SHORT)
    stream()
    costs = {
        "call": per_unit(repeat(lambda: call(SHORT), 300), 300),
        "long call": per_unit(repeat(lambda: call(LONG, tools=TOOLS), 60), 60),
        "chunk": per_unit(repeat(stream, 20), 20 * NUM_EVENTS),
    }
    started = time.process_time()
    for _ in range(20):
        Sync(api_key="k", base_url=base_url)
    costs["another client"] = (time.process_time() - started) / 20 * 1e6
    if hasattr(client.chat.completions, "stream"):

        def helper() -> None:
            with client.chat.completions.stream(messages=SHORT, model="m") as events:
                for _ in events:
                    pass

        helper()
        costs["chunk through .stream()"] = per_unit(repeat(helper, 10), 10 * NUM_EVENTS)

    async def asynchronous() -> None:
        async with Async(api_key="k", base_url=base_url) as aclient:

            async def acall() -> None:
                await aclient.chat.completions.create(messages=SHORT, model="m")

            async def astream() -> None:
                chunks = await aclient.chat.completions.create(
                    messages=SHORT, model="m", stream=True
                )
                async for _ in chunks:
                    pass

            await measure_async(acall, astream, costs)

    asyncio.run(asynchronous())
    return costs


def main() -> None:
    name, url = sys.argv[1:]
    costs = httpx_cases(url) if name == "httpx" else sdk_cases(name, url)
    print(json.dumps(costs))


if __name__ == "__main__":
    main()
