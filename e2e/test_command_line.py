"""`galop` as somebody types it, mistakes included."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest

from e2e.conftest import galop_serve

GALOP = str(Path(sys.executable).with_name("galop"))


def galop(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([GALOP, *arguments], capture_output=True, text=True, timeout=60)


def test_help_names_every_flag_with_its_variable() -> None:
    """`galop serve --help` is worth reading: nothing has to be guessed."""
    text = galop("serve", "--help").stdout
    for flag in (
        "--model",
        "--alias",
        "--no-default-aliases",
        "--compat",
        "--port",
        "--context-window",
    ):
        assert flag in text
    assert "GALOP_PORT" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "/no/such/file.gguf"], "no such file: /no/such/file.gguf"),
        (["--compat", "groq-2023"], "groq-2024"),
        (["--model", "scripted:x", "--alias", "nonsense"], "NAME=MODEL"),
        (["--model", "scripted:x", "--alias", "a=b"], "not served here"),
        (["--port", "0"], "--port"),
        (["--prot", "9000"], "--port"),
    ],
)
def test_wrong_usage_is_one_clear_message(arguments: list[str], message: str) -> None:
    """Exit code 2, the option by name, no traceback."""
    result = galop("serve", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["serve"], ["config", "check"], ["config", "show"], ["tune"]])
def test_every_command_reads_the_file_and_refuses_what_is_wrong_in_it(
    tmp_path: Path, command: list[str]
) -> None:
    """It names the file and the key, whichever command reads it."""
    path = tmp_path / "galop.toml"
    path.write_text("max_wating = 5")
    result = galop(*command, "--config", str(path))
    assert result.returncode == 2
    assert f"{path}: max_wating" in " ".join(result.stderr.split())
    assert "did you mean max_waiting?" in " ".join(result.stderr.split())


def test_config_show_prints_toml_that_says_the_same(tmp_path: Path) -> None:
    """What is shown can be saved as galop.toml."""
    first = galop("config", "show", "--alias", 'a "b"=scripted', "--port", "9000", "--no-tuned")
    path = tmp_path / "galop.toml"
    path.write_text(first.stdout)
    second = galop("config", "show", "--config", str(path))
    assert tomllib.loads(first.stdout) == tomllib.loads(second.stdout)
    assert tomllib.loads(first.stdout)["alias"] == ['a "b"=scripted']


def test_config_check_looks_at_what_the_settings_mean() -> None:
    """An alias for a model that is not served is found without serving."""
    assert galop("config", "check", "--model", "scripted:x").returncode == 0
    wrong = galop("config", "check", "--model", "scripted:x", "--alias", "a=b")
    assert wrong.returncode == 2
    assert "not served here" in wrong.stderr


@pytest.mark.model
def test_the_doctor_says_by_its_exit_code_whether_serving_would_work(tmp_path: Path) -> None:
    """0 where it would, 1 where it would not, 2 for settings that make no sense."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    healthy = galop("doctor", "--model", "scripted:x", "--port", port)
    assert healthy.returncode == 0
    assert "0 problems" in healthy.stdout
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(60))
    ill = galop("doctor", "--model", str(tmp_path / "broken.gguf"), "--port", port)
    assert ill.returncode == 1
    assert "1 problem," in ill.stdout
    assert "Traceback" not in ill.stderr
    assert galop("doctor", "--port", "none").returncode == 2


def test_a_taken_port_is_one_line() -> None:
    """With what to do about it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = galop("serve", "--model", "scripted:", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "--port" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.model
def test_a_file_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    """It names the file and the reason."""
    path = tmp_path / "notes.gguf"
    path.write_text("these are notes, not weights, and long enough to look at")
    result = galop("serve", "--model", str(path), "--port", "18999")
    assert result.returncode == 1
    assert "not a GGUF model" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_printed_curl_works_when_pasted() -> None:
    """Read it off the terminal, run it in a shell."""
    with galop_serve("--model", "scripted:Hello there") as server:
        text = server.printed()
        command = text[text.index("curl ") : text.index("From Python")]
        result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30)

    assert "Hello there" in result.stdout
    assert "context window" in text


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_server_and_engine(sign: signal.Signals) -> None:
    """At once when idle, with exit code 0 and no traceback."""
    with galop_serve("--model", "scripted:x") as server:
        started = time.monotonic()
        server.process.send_signal(sign)
        server.process.wait(timeout=20)
        output = server.log.read_text()
    assert time.monotonic() - started < 10
    assert server.process.returncode == 0
    assert "Traceback" not in output


def test_aliases_are_listed_and_an_unknown_model_is_not_answered() -> None:
    """GET /models tells the alias from the model; nobody else's name gets an answer."""
    with galop_serve("--model", "scripted:x", "--alias", "my/model=scripted") as server:
        models = httpx.get(f"{server.base_url}/openai/v1/models").json()["data"]
        wrong = httpx.post(
            f"{server.base_url}/openai/v1/chat/completions",
            json={"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]},
        )
    assert [model["id"] for model in models] == ["scripted", "my/model"]
    assert wrong.status_code == 404
    assert wrong.json()["error"]["code"] == "model_not_found"


@pytest.mark.model
@pytest.mark.parametrize("num_signals", [1, 2])
def test_an_answer_that_outlasts_the_drain_timeout_ends_with_an_error(num_signals: int) -> None:
    """The client reads why; a second signal does not wait for the timeout; exit code 0."""
    drain_timeout = "1" if num_signals == 1 else "60"
    with galop_serve("--drain-timeout", drain_timeout) as server:
        body = {
            "model": "llama3-8b-8192",
            "messages": [{"role": "user", "content": "Tell a long story."}],
            "max_tokens": 4000,
            "logit_bias": {"0": -100, "2": -100},
            "stream": True,
        }
        url = f"{server.base_url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=60) as response:
            lines = response.iter_lines()
            for _ in range(6):
                next(lines)
            for _ in range(num_signals):
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
            rest = [line for line in lines if line]
        server.process.wait(timeout=20)

    assert rest[-2] == "event: error"
    assert "the server is stopping" in rest[-1]
    assert server.process.returncode == 0
