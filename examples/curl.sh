#!/bin/sh
# A completion with nothing but curl.
set -eu
curl --silent --show-error --fail-with-body \
    "${GROQ_BASE_URL:-http://127.0.0.1:8000}/openai/v1/chat/completions" \
    -H "authorization: Bearer ${GROQ_API_KEY:-none}" \
    -H "content-type: application/json" \
    -d '{
        "model": "llama3-8b-8192",
        "messages": [{"role": "user", "content": "Say hello in one sentence."}],
        "temperature": 0,
        "max_tokens": 40
    }'
