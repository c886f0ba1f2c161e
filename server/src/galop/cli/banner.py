"""The text that `galop serve` prints when it is ready: address, model, commands to try."""

from __future__ import annotations

import json

from galop.chat import ChatService
from galop.config.models import ServedModel
from galop.config.reachability import is_loopback
from galop.config.settings import Settings


def ready_text(
    settings: Settings, model: ServedModel, service: ChatService, *, requires_key: bool
) -> str:
    """The address, the model, the settings that clients notice, and commands to try."""
    base_url = _base_url(settings)
    card = service.models.cards[0]
    lines = [
        f"galop is ready at {base_url}/openai/v1 (also {base_url}/v1)",
        f"  model:          {card.id} ({model.path.name})",
        f"  context window: {card.context_window} tokens, {settings.max_sequences} at once",
    ]
    lines += _weights_lines(model)
    if model.aliases:
        lines.append(f"  aliases:        {', '.join(model.aliases)}")
    if settings.compat != "default":
        lines.append(f"  compatibility:  {settings.compat}")
    lines += _keys_lines(settings, requires_key=requires_key)
    lines += _example_lines(base_url, card.id, requires_key=requires_key)
    lines += ["", "Stop with Ctrl-C."]
    return "\n".join(lines)


def _example_lines(base_url: str, model_id: str, *, requires_key: bool) -> list[str]:
    body = {
        "model": model_id,
        "messages": [{"role": "user", "content": "Say hello."}],
        "temperature": 0,
        "max_tokens": 64,
    }
    return [
        "",
        "Try it:",
        f"  curl {base_url}/openai/v1/chat/completions \\",
        "    -H 'content-type: application/json' \\",
        *(['    -H "authorization: Bearer $GROQ_API_KEY" \\'] if requires_key else []),
        f"    -d '{json.dumps(body)}'",
        "",
        "From Python:",
        f"  GROQ_BASE_URL={base_url} {'' if requires_key else 'GROQ_API_KEY=none '}"
        "python your_program.py",
    ]


def _keys_lines(settings: Settings, *, requires_key: bool) -> list[str]:
    label = "  keys:           "
    if requires_key:
        return [f"{label}required; the commands below take yours from GROQ_API_KEY"]
    if not is_loopback(settings.host):
        return [
            "  warning:        no API key is required: everybody who reaches this address can use it"
        ]
    if settings.allow_anonymous:
        return [f"{label}not required, because of --allow-anonymous"]
    return [f"{label}none, so for this machine only; `galop keys create NAME` makes one"]


def _weights_lines(model: ServedModel) -> list[str]:
    """Which weights are served, if `galop tune` has chosen them."""
    tuned = model.tuned
    if tuned is None:
        return []
    label = "  weights:        "
    if tuned.path is None:
        return [f"{label}as shipped, which `galop tune` found fastest on {tuned.tuned_on}"]
    return [
        f"{label}{tuned.format_name}, tuned on {tuned.tuned_on}; "
        "--no-tuned serves the file as shipped"
    ]


def _base_url(settings: Settings) -> str:
    """A URL that a client on this machine can open."""
    scheme = "http" if settings.tls_cert is None else "https"
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    elif ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{settings.port}"
