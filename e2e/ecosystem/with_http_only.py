"""litellm's `groq/` and llama-index-llms-groq, which speak HTTP and know no groq package.

No tools here: litellm imports a package for them that it does not install.
"""

import asyncio
import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # do not fetch prices at import

import litellm
from llama_index.core.llms import ChatMessage
from llama_index.llms.groq import Groq

base_url = os.environ["GROQ_BASE_URL"] + "/openai/v1"
question = "What is the capital of France?"
REQUEST = {
    "model": "groq/llama3-8b-8192",
    "messages": [{"role": "user", "content": question}],
    "api_base": base_url,
    "temperature": 0,
    "seed": 1,
    "max_tokens": 16,
}


def of_litellm() -> list[str]:
    chunks = litellm.completion(**REQUEST, stream=True)
    later = asyncio.run(litellm.acompletion(**REQUEST))
    return [
        litellm.completion(**REQUEST).choices[0].message.content,
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        later.choices[0].message.content,
    ]


def of_llama_index() -> list[str]:
    llm = Groq(
        model="llama3-8b-8192",
        api_base=base_url,
        api_key=os.environ["GROQ_API_KEY"],
        temperature=0,
        max_tokens=16,
        additional_kwargs={"seed": 1},
    )
    messages = [ChatMessage(role="user", content=question)]
    return [
        llm.chat(messages).message.content,
        "".join(piece.delta for piece in llm.stream_chat(messages)),
    ]


print(
    json.dumps(
        {
            "litellm": of_litellm(),
            "llama_index": of_llama_index(),
        }
    )
)
