"""Over a socket: a chat template that never ends for one request, while others are answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import httpx
import uvicorn
from starlette.types import ASGIApp

from galop.admission.admission import Admission
from galop.admission.control import AdmissionControl
from galop.chat import ChatModel, ChatService, ChatTemplate, ModelRegistry, RenderingPool
from galop.chat.models import entries_of
from galop.http import build_http_app
from galop.testing import ScriptedModel, ScriptedTokenizer
from galop.workers.local import LocalEngine

TEMPLATE = """
{%- set text = messages[-1].content %}
{%- if text == 'loop' %}
    {%- for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}
{%- elif text == 'compare' %}
    {%- set ns = namespace(x=(1,), y=(1,)) %}
    {%- for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% set ns.y = (ns.y, ns.y) %}{% endfor %}
    {{- ns.x == ns.y }}
{%- elif text == 'write' %}
    {%- for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}
{%- elif text == 'fill' %}
    {{- 'x' * 10**10 }}
{%- endif %}
{{- '<|im_start|>user\n' + text + '<|im_end|>\n<|im_start|>assistant\n' }}
"""
"""Does what the text of the last message says, then writes it as ChatML."""


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The URL at which it is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task


@asynccontextmanager
async def client(*, time_limit_s: float) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server with this template."""
    with closing(RenderingPool(time_limit_s=time_limit_s)) as renderer:
        async with LocalEngine(ScriptedModel()) as engine:
            model = ChatModel(
                "m",
                tokenizer=ScriptedTokenizer(),
                template=ChatTemplate(TEMPLATE, bos_token="", eos_token="", renderer=renderer),
                engine=engine.client,
                context_window=200,
                system_fingerprint="fp_0123456789",
            )
            service = ChatService(ModelRegistry(entries_of(model, created=1)))
            admission = Admission({"m": AdmissionControl(num_slots=16)})
            async with (
                serving(build_http_app(service, admission)) as base_url,
                httpx.AsyncClient(base_url=base_url, timeout=60) as http_client,
            ):
                yield http_client


async def ask(http_client: httpx.AsyncClient, text: str) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return await http_client.post("/openai/v1/chat/completions", json=body)


async def test_a_template_that_takes_too_much_is_refused_by_name_and_serving_goes_on() -> None:
    """Each limit in its own words, and the next request is answered."""
    limits = {
        "loop": "0.5 seconds",
        "compare": "0.5 seconds",
        "write": "characters",
        "fill": "MiB of memory",
    }
    async with client(time_limit_s=0.5) as http_client:
        for text, limit in limits.items():
            refused = await ask(http_client, text)
            assert refused.status_code == 400
            error = refused.json()["error"]
            assert error["message"].startswith("'messages' : the model's chat template needs more")
            assert limit in error["message"]
            assert error["param"] == "messages"
            answer = await ask(http_client, "Hi")
            assert answer.json()["choices"][0]["message"]["content"] == "Hi"


async def test_others_are_answered_while_a_template_hangs() -> None:
    """Completions too, before its time is over."""
    async with client(time_limit_s=3) as http_client:
        await ask(http_client, "Hi")
        hanging = asyncio.create_task(ask(http_client, "compare"))
        await asyncio.sleep(0.05)
        assert (await http_client.get("/healthz")).status_code == 200
        for text in ("Hi", "Again"):
            answer = await ask(http_client, text)
            assert answer.json()["choices"][0]["message"]["content"] == text
        assert not hanging.done()
        assert (await hanging).status_code == 400
