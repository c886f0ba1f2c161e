"""Sentiment of a sentence, as JSON that a system prompt describes."""

import json

from groq import Groq

client = Groq()

completion = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[
        {
            "role": "system",
            "content": "You analyse the sentiment of a text and answer in JSON, like this: "
            '{"sentiment": "positive", "confidence": 0.9}. '
            'The sentiment is "positive", "negative" or "neutral".',
        },
        {"role": "user", "content": "I love this little server, it just works!"},
    ],
    temperature=0,
    max_tokens=200,
    response_format={"type": "json_object"},
)

print(json.loads(completion.choices[0].message.content or ""))
