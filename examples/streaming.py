"""The same words as they come, and what they cost at the end."""

from groq import Groq

client = Groq()

stream = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[{"role": "user", "content": "Name three colours of the rainbow."}],
    temperature=0.5,
    max_tokens=64,
    stream=True,
)

for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.x_groq is not None and chunk.x_groq.usage is not None:
        print(f"\n[{chunk.x_groq.usage.completion_tokens} tokens]")
