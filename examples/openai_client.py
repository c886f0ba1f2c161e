"""The published openai client against the same server."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("GROQ_BASE_URL", "http://127.0.0.1:8000") + "/openai/v1",
    api_key=os.environ.get("GROQ_API_KEY", "none"),
)

stream = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[{"role": "user", "content": "Say hello in one sentence."}],
    max_tokens=40,
    stream=True,
    stream_options={"include_usage": True},
)

for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    elif chunk.usage is not None:
        print(f"\n[{chunk.usage.total_tokens} tokens]")
