"""What `galop doctor` finds."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from galop.accounts.keys import ApiKey
from galop.app.doctor import Finding, examine, memory_finding
from galop.cli.store import open_store
from galop.config.settings import Settings
from galop.config.sources import configure


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory that nobody else has keys in, not made yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "galop"


def findings(**flags: object) -> dict[str, Finding]:
    """By subject; the worst of each."""
    order = ["ok", "warning", "problem"]
    found: dict[str, Finding] = {}
    for finding in examine(configure({"model": "scripted:x", "port": free_port(), **flags}, {})):
        before = found.get(finding.subject)
        if before is None or order.index(finding.verdict) >= order.index(before.verdict):
            found[finding.subject] = finding
    return found


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_nothing_keeps_the_scripted_model_from_being_served() -> None:
    """No problem where there is none."""
    found = findings()
    assert {"versions", "cores", "settings", "model", "address", "open files", "cache"} <= set(
        found
    )
    assert not [finding for finding in found.values() if finding.verdict == "problem"]
    assert "starlette" in found["versions"].text


def test_a_taken_port_is_a_problem_with_advice() -> None:
    """As `galop serve` would find it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = findings(port=str(taken.getsockname()[1]))["address"]
    assert finding.verdict == "problem"
    assert "--port" in finding.advice


def test_a_file_that_is_no_model_is_a_problem(tmp_path: Path) -> None:
    """It says what the file is not."""
    path = tmp_path / "notes.gguf"
    path.write_text("these are notes, not weights, and long enough to look at")
    finding = findings(model=str(path))["model"]
    assert finding.verdict == "problem"
    assert "not a GGUF model" in finding.text


def test_a_setting_that_cannot_work_is_a_problem_and_the_rest_is_still_examined() -> None:
    """One run shows everything."""
    found = findings(tls_cert="/no/cert.pem", alias=["a=b"])
    assert found["settings"].verdict == "problem"
    assert found["model"].verdict == "problem"
    assert "not served here" in found["model"].text
    assert found["address"].verdict == "ok"


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """Serving does not need it."""
    (tmp_path / "file").touch()
    finding = findings(cache_dir=str(tmp_path / "file" / "cache"))["cache"]
    assert finding.verdict == "warning"
    assert "--cache-dir" in finding.advice


def test_it_looks_for_keys_without_making_a_ledger(state_dir: Path) -> None:
    """Looking changes nothing."""
    assert "none yet" in findings()["keys"].text
    assert not state_dir.exists()


def test_an_open_address_without_keys_is_a_problem() -> None:
    """As `galop serve` would say, unless everybody may use it."""
    assert findings(host="0.0.0.0")["keys"].verdict == "problem"
    assert findings(host="0.0.0.0", allow_anonymous=True)["keys"].verdict == "ok"


def test_a_key_for_models_that_are_not_served_is_a_warning(state_dir: Path) -> None:
    """Whoever has it gets nothing but 403."""
    draft = ApiKey(id="", name="bob", prefix="", digest=b"", created_s=0, models=("other",))
    with closing(open_store(Settings())) as store:
        store.create_key(draft)
    finding = findings()["keys"]
    assert finding.verdict == "warning"
    assert "bob may use only other" in finding.text
    assert findings(alias=["other=scripted"])["keys"].verdict == "ok"


def test_a_ledger_that_cannot_be_reached_is_a_problem_without_its_password() -> None:
    """Reports are pasted into chats."""
    finding = findings(ledger_url=f"postgresql://u:s3cret@127.0.0.1:{free_port()}/x")["keys"]
    assert finding.verdict == "problem"
    assert "s3cret" not in finding.text


def test_a_collector_that_does_not_answer_is_a_warning() -> None:
    """Requests are answered all the same."""
    finding = findings(otlp_endpoint=f"http://127.0.0.1:{free_port()}")["traces"]
    assert finding.verdict == "warning"


@pytest.mark.model
def test_the_embedded_model_and_its_memory_are_described() -> None:
    """30 layers of 3 KV heads of 64 values, keys and values, two bytes each: 23,040 a token."""
    found = findings(model=None, max_sequences="4", context_window="1024")
    assert found["model"].verdict == "ok"
    assert "context window 1024" in found["model"].text
    assert "94 MB of KV cache (4 x 1024 tokens, 23 kB each" in found["memory"].text


@pytest.mark.parametrize(
    ("available", "verdict", "advice"),
    [
        (5_000, "ok", ""),
        (4_999, "warning", "--max-sequences 3"),
        (1_999, "warning", "--context-window"),
        (999, "problem", "smaller model"),
        (None, "ok", ""),
    ],
)
def test_more_context_than_memory_is_told_with_what_would_fit(
    available: int | None, verdict: str, advice: str
) -> None:
    """The KV cache is taken as it fills: such a server starts, and dies later."""
    finding = memory_finding(
        weights=1_000, cache_per_token=10, window=100, num_sequences=4, available=available
    )
    assert finding.verdict == verdict
    assert advice in finding.advice
