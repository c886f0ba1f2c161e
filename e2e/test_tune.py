"""`galop tune`, then `galop serve` with what it found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from e2e.conftest import Server, galop_serve
from galop.host import available_cores
from galop.library.embedded import embedded_model_path
from galop.tuning import store
from galop.tuning.convert import convert
from galop.tuning.formats import FORMATS

pytestmark = pytest.mark.model

GALOP = str(Path(sys.executable).with_name("galop"))


def galop_tune(*arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GALOP, "tune", *arguments], capture_output=True, text=True, timeout=timeout_s
    )


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The cache directory after a short tuning, and what was printed."""
    cache = tmp_path_factory.mktemp("cache")
    result = galop_tune("--formats", "q8_0", "--rounds", "1", "--cache-dir", str(cache))
    assert result.returncode == 0, result.stderr
    return cache, result.stdout


@pytest.fixture(scope="module")
def tuned_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored result with Q8_0 as the winner, whatever is the fastest here and now."""
    cache = tmp_path_factory.mktemp("won")
    source = embedded_model_path()
    with store.work_directory(cache) as work:
        weights = work / "q8_0.gguf"
        convert(source, weights, FORMATS["q8_0"], num_weights=134_515_008, num_threads=2)
        host = store.host_description()
        record = store.TuningRecord(
            key=store.tuning_key(source, host),
            source_name=source.name,
            host=host,
            tuned_on="2026-11-23",
            format="Q8_0",
            weights_digest=store.file_digest(weights),
            num_threads=available_cores(),
            threads_by_rows={1: 1, 8: available_cores()},
            measured=[],
        )
        store.save(cache, work, record, weights)
    return cache


def fingerprint(server: Server) -> str:
    answer = httpx.post(
        f"{server.base_url}/openai/v1/chat/completions",
        json={
            "model": "smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 12,
        },
        timeout=120,
    ).json()
    assert answer["choices"][0]["message"]["content"]
    return str(answer["system_fingerprint"])


@pytest.mark.slow
def test_the_table_is_readable_without_a_terminal(tuned: tuple[Path, str]) -> None:
    """Steps as lines, no control characters, no noise of the converter, and what was chosen."""
    cache, output = tuned
    assert "converting to Q8_0" in output
    assert "perplexity" in output
    assert "Chosen:" in output
    assert str(cache) in output
    assert "\x1b" not in output
    assert "blk.0" not in output
    assert {path.suffix for path in cache.iterdir()} <= {".json", ".gguf"}
    stored = store.load(cache, embedded_model_path())
    assert stored is not None
    assert f"Chosen: {stored.record.format}." in output


def test_serve_uses_what_was_tuned_and_says_so(tuned_cache: Path) -> None:
    """The weights are in the start-up text and in the fingerprint; --no-tuned is the way back."""
    with galop_serve("--tuned", "--cache-dir", str(tuned_cache)) as server:
        text = server.printed()
        with_tuned = fingerprint(server)
    assert "weights:        Q8_0, tuned on 2026-11-23; " in text
    assert "--no-tuned serves the file as shipped" in text
    with galop_serve("--no-tuned", "--cache-dir", str(tuned_cache)) as server:
        assert "Q8_0" not in server.printed()
        assert fingerprint(server) != with_tuned


def test_a_broken_result_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    """One warning that names the file; the model is served as shipped."""
    key = store.tuning_key(embedded_model_path(), store.host_description())
    path = store.record_path(tmp_path, key)
    path.write_text('{"record": "tuning-1", "key": 7}')
    with galop_serve("--tuned", "--cache-dir", str(tmp_path)) as server:
        text = server.printed()
    assert f"ignoring {path}" in text
    assert "weights:" not in text


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--formats", "q3_x"], "'q3_x' is not one of", 2),
        (["--tolerance", "little"], "no percentage", 2),
        (["--model", "scripted:x"], "without weights", 2),
        (["--model", __file__], "not a GGUF model", 1),
        (["--cache-dir", f"{__file__}/cache"], "cannot write to the cache directory", 1),
    ],
)
def test_a_mistake_is_one_clear_message(arguments: list[str], message: str, code: int) -> None:
    """No traceback, whatever is wrong."""
    result = galop_tune(*arguments, timeout_s=60)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
