"""The tool loop: the model calls functions of this program, and answers with what they return.

The embedded model is too small to know when a call helps, so its first turn must be one. A larger
model decides for itself: leave `tool_choice` away. What it calls is always one of these functions,
with arguments that its schema validates, so they can be read without a check.
"""

import json
from typing import Any

from groq import Groq

STOCK = {"leek": 12, "potato": 40}


def count_in_stock(vegetable: str) -> int:
    return STOCK[vegetable]


tools: Any = [
    {
        "type": "function",
        "function": {
            "name": "count_in_stock",
            "description": "How many of a vegetable there are.",
            "parameters": {
                "type": "object",
                "properties": {"vegetable": {"enum": list(STOCK)}},
                "required": ["vegetable"],
                "additionalProperties": False,
            },
        },
    }
]
messages: Any = [{"role": "user", "content": "How many leeks are there?"}]
client = Groq()

completion = client.chat.completions.create(
    model="llama3-70b-8192",
    messages=messages,
    tools=tools,
    tool_choice="required",
    parallel_tool_calls=False,
    temperature=0,
)
message = completion.choices[0].message
messages.append(message)
for call in message.tool_calls or ():
    arguments = json.loads(call.function.arguments)
    result = count_in_stock(**arguments)
    print(f"{call.function.name}({arguments}) = {result}")
    messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})

completion = client.chat.completions.create(
    model="llama3-70b-8192",
    messages=messages,
    tools=tools,
    tool_choice="none",
    temperature=0,
    max_tokens=60,
)
print(completion.choices[0].message.content)
