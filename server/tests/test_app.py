"""A whole server in this process, with its engine in another, for a model without weights."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from galop.accounts.ledger import Ledger
from galop.accounts.store import Store
from galop.app import run
from galop.backends.text import open_model_text
from galop.chat import ChatService
from galop.config.engine import engine_config
from galop.config.models import served_model
from galop.config.sources import configure
from galop.serving.server import listen
from galop.workers.spawn import spawned_engine


@pytest.fixture(autouse=True)
def _garbage_collector() -> Iterator[None]:
    """As it was: `run` changes it for the process."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Client:
    """Asks for a completion and for the metrics, then ends the server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.content = ""
        self.fingerprint = ""
        self.metrics = ""

    def ask(self) -> None:
        try:
            body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
            with httpx.Client(base_url=self.url, timeout=20) as client:
                completion = client.post("/v1/chat/completions", json=body).json()
                self.content = completion["choices"][0]["message"]["content"]
                self.fingerprint = completion["system_fingerprint"]
                self.metrics = client.get("/metrics").text
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_model_is_served_until_a_signal(tmp_path: Path) -> None:
    """Its completions are counted, and `run` returns."""
    flags = {"model": "scripted:Hello", "port": str(free_port()), "max_sequences": "2"}
    configuration = configure(flags, {})
    settings, model = configuration.settings, served_model(configuration)
    client = Client(settings.port)
    thread = threading.Thread(target=client.ask)

    def on_ready(service: ChatService) -> None:
        assert [card.id for card in service.models.cards] == ["scripted"]
        thread.start()

    with (
        spawned_engine(engine_config(settings, model)) as engine,
        closing(Store(None, tmp_path, None)) as store,
        listen(settings.host, settings.port, client_timeout_s=30) as listener,
    ):
        ledger = Ledger(store, allow_anonymous=False)
        text = open_model_text(model.source)
        run(configuration, model, text, engine, listener, ledger, on_ready)
    thread.join(20)
    assert client.content == "Hello"
    assert client.fingerprint.startswith("fp_")
    assert "\ngalop_completion_tokens_total 6.0\n" in client.metrics
