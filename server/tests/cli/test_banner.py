"""What the terminal shows when the server is ready."""

from __future__ import annotations

import pytest

from galop.cli.banner import ready_text
from galop.config.models import ServedModel
from galop.config.settings import Settings
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.chat.conftest import chat_service


def banner(
    aliases: dict[str, str] | None = None, *, requires_key: bool = False, **options: object
) -> str:
    service = chat_service(LocalEngine(ScriptedModel()), context_window=512, name="m")
    settings = Settings(**options)  # type: ignore[arg-type]  # a test's shorthand
    model = ServedModel(source="scripted:", name="m", aliases=aliases or {})
    return ready_text(settings, model, service, requires_key=requires_key)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "my-host"])
def test_an_open_address_comes_with_a_warning(host: str) -> None:
    """Where no key is asked for, and the operator should know."""
    assert "no API key is required" in banner(host=host, allow_anonymous=True)
    assert "warning" not in banner(host=host, requires_key=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_warning(host: str) -> None:
    """Other machines cannot reach it."""
    assert "warning" not in banner(host=host)


def test_the_url_is_one_that_can_be_opened() -> None:
    """Not 0.0.0.0, and IPv6 in brackets."""
    assert "http://127.0.0.1:8000/openai/v1" in banner(host="0.0.0.0")
    assert "http://[::1]:9000/openai/v1" in banner(host="::1", port=9000)


def test_aliases_and_compatibility_are_shown() -> None:
    """So the log shows what was served."""
    text = banner(aliases={"llama3-8b-8192": "m"}, compat="groq-2024")
    assert "llama3-8b-8192" in text
    assert "groq-2024" in text


def test_without_keys_it_names_the_command_that_creates_one() -> None:
    """And with keys, the commands to paste send one."""
    assert "for this machine only; `galop keys create NAME`" in banner()
    assert "GROQ_API_KEY=none" in banner()
    text = banner(requires_key=True)
    assert '-H "authorization: Bearer $GROQ_API_KEY"' in text
    assert "GROQ_API_KEY=none" not in text
