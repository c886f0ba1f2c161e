"""A completion: one question, one answer."""

from groq import Groq

client = Groq()

completion = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
    temperature=0,
    max_tokens=64,
    top_p=1,
    stop=None,
    stream=False,
)

print(completion.choices[0].message.content)
