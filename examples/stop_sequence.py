"""Count from 1 to 10, but stop before the 6: the stop sequence is not part of the answer."""

from groq import Groq

client = Groq()

completion = client.chat.completions.create(
    model="llama3-8b-8192",
    messages=[
        {
            "role": "user",
            "content": "Count from 1 to 10. Your answer is the numbers only, separated by commas: "
            "1, 2, 3, and so on.",
        }
    ],
    temperature=0,
    max_tokens=64,
    stop=", 6",
)

print(completion.choices[0].message.content)
