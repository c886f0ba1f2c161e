"""A stream with asyncio."""

import asyncio

from groq import AsyncGroq


async def main() -> None:
    async with AsyncGroq() as client:
        stream = await client.chat.completions.create(
            model="gemma-7b-it",
            messages=[{"role": "user", "content": "Tell me a short story about a fox."}],
            temperature=0.7,
            max_tokens=80,
            stream=True,
        )
        async for chunk in stream:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


asyncio.run(main())
