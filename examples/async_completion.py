"""A completion with asyncio: three questions at once."""

import asyncio

from groq import AsyncGroq


async def ask(client: AsyncGroq, question: str) -> str:
    completion = await client.chat.completions.create(
        model="mixtral-8x7b-32768",
        messages=[{"role": "user", "content": question}],
        temperature=0.5,
        max_tokens=48,
    )
    return completion.choices[0].message.content or ""


async def main() -> None:
    questions = ["What is water made of?", "Who wrote Hamlet?", "What is two plus two?"]
    async with AsyncGroq() as client:
        answers = await asyncio.gather(*(ask(client, question) for question in questions))
    for question, answer in zip(questions, answers, strict=True):
        print(f"{question} {answer}")


asyncio.run(main())
