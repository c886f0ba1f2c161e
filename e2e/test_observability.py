"""What an operator sees from outside, over real sockets: metrics, logs, traces, TLS, CORS."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from e2e.conftest import Server, free_port, galop_serve

GALOP = str(Path(sys.executable).with_name("galop"))
SECRET = "correct horse battery staple"


def ask(server: Server, **options: object) -> httpx.Response:
    body = {"model": "scripted", "messages": [{"role": "user", "content": SECRET}], **options}
    headers = {"authorization": "Bearer gsk_do_not_log_me"}
    return httpx.post(f"{server.base_url}/v1/chat/completions", json=body, headers=headers)


def samples(server: Server) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics, by name and labels."""
    text = httpx.get(f"{server.base_url}/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_what_happened() -> None:
    """Answers, tokens, gaps and refusals, under our names and vLLM's; the processes beside them."""
    with galop_serve("--model", "scripted:Hello") as server:
        ask(server, stream=True)
        ask(server, n=2, max_tokens=3)
        ask(server, temperature=9)
        found = samples(server)

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("galop_time_to_first_token_seconds_count") == 2
    assert value("galop_choices_finished_total", finish_reason="stop") == 1
    assert value("galop_choices_finished_total", finish_reason="length") == 2
    assert value("galop_completion_tokens_total") == 6 + 2 * 3
    assert value("galop_inter_token_latency_seconds_count") == 4 + 2 * 2
    assert value("galop_rejections_total", reason="invalid_request") == 1
    assert value("galop_http_responses_total", status="200") >= 2
    assert value("galop_kv_cache_tokens", state="cached") > 16
    assert value("galop_kv_cache_usage_ratio") == 0
    assert value("galop_engine_ready") == 1
    assert value("process_resident_memory_bytes") > 0
    assert value("galop_engine_process_resident_memory_bytes") > 0
    assert value("vllm:generation_tokens_total", model_name="scripted", engine="0") == 12


@pytest.mark.model
def test_tokens_that_the_real_model_need_not_compute_are_counted(server: Server) -> None:
    """The second time, all of the prompt but its end is in the cache: the last token, or the last two
    where kernels compute a lone row with other bits."""
    body = {
        "model": "llama3-8b-8192",
        "messages": [{"role": "user", "content": "Which words have not been said here before?"}],
        "max_tokens": 2,
    }
    usages = [
        httpx.post(f"{server.base_url}/v1/chat/completions", json=body, timeout=60).json()["usage"]
    ]
    before = samples(server)["galop_prefix_cache_hit_tokens_total", ()]
    usages.append(
        httpx.post(f"{server.base_url}/v1/chat/completions", json=body, timeout=60).json()["usage"]
    )
    after = samples(server)["galop_prefix_cache_hit_tokens_total", ()]
    assert after - before == usages[1]["prompt_tokens_details"]["cached_tokens"]
    assert usages[0]["prompt_tokens"] - after + before in (1, 2)


def test_a_dead_engine_is_seen_in_the_metrics() -> None:
    """/metrics answers all the while; the restart is counted."""
    with galop_serve("--model", "scripted:Hello") as server:
        os.kill(_engine_pid(server), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while samples(server)["galop_engine_restarts_total", ()] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_metrics_can_be_switched_off() -> None:
    """Then there is no such page."""
    with galop_serve("--model", "scripted:Hello", "--no-metrics") as server:
        assert httpx.get(f"{server.base_url}/metrics").status_code == 404


def test_json_logs_have_request_ids_and_neither_prompts_nor_keys() -> None:
    """Every line is one object, that it is ready too; the finished request has its numbers as keys."""
    with galop_serve("--model", "scripted:", "--log-format", "json", "--log-level", "debug") as server:  # fmt: skip
        answer = ask(server)
        refused = ask(server, temperature=9)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
        output = server.log.read_text()
    assert answer.json()["choices"][0]["message"]["content"] == SECRET
    assert SECRET not in output
    assert "gsk_do_not_log_me" not in output
    records = [json.loads(line) for line in output.splitlines()]
    assert any("galop is ready at http://" in record["message"] for record in records)
    by_id = {record.get("request_id"): record for record in records}
    completed = by_id[answer.headers["x-request-id"]]
    assert completed["completion_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert by_id[refused.headers["x-request-id"]]["status"] == 400


def test_prompts_are_logged_when_asked_for_by_name() -> None:
    """And still no keys."""
    with galop_serve("--model", "scripted:Hello", "--log-prompts") as server:
        ask(server)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
        output = server.log.read_text()
    assert SECRET in output
    assert "gsk_do_not_log_me" not in output


def test_traces_reach_a_collector_and_go_on_from_the_callers() -> None:
    """OTLP over HTTP: one trace with the caller's id and a span for every phase."""
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with (
        _collector() as (endpoint, received),
        galop_serve(
            *("--model", "scripted:Hello", "--otlp-endpoint", endpoint, "--log-format", "json")
        ) as server,
    ):
        body = {"model": "scripted", "messages": [{"role": "user", "content": SECRET}]}
        headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        httpx.post(f"{server.base_url}/v1/chat/completions", json=body, headers=headers)
        server.process.send_signal(signal.SIGTERM)  # it sends what is left
        server.process.wait(timeout=20)
        output = server.log.read_text()
    spans = [
        span
        for request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.name for span in spans} == {
        "chat scripted",
        "admission",
        "queue",
        "prefill",
        "decode",
    }
    assert {span.trace_id.hex() for span in spans} == {trace_id}
    assert SECRET not in str(received)
    [completed] = [line for line in output.splitlines() if '"completion_tokens"' in line]
    assert json.loads(completed)["trace_id"] == trace_id


def test_a_collector_that_is_down_costs_traces_and_nothing_else() -> None:
    """Requests are answered; the server ends in time."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    with galop_serve("--model", "scripted:Hello", "--otlp-endpoint", endpoint) as server:
        assert ask(server).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0


def test_pages_of_other_origins_are_let_in_by_name() -> None:
    """Off by default; then exactly the named origin, also on errors and preflights."""
    origin = "https://app.example"
    preflight = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-lang",
    }
    with galop_serve("--model", "scripted:Hello", "--cors-origin", origin) as server:
        url = f"{server.base_url}/v1/chat/completions"
        asked = httpx.options(url, headers=preflight)
        refused = httpx.post(url, json={}, headers={"origin": origin})
        stranger = httpx.post(url, json={}, headers={"origin": "https://evil.example"})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert refused.status_code == 400
    assert refused.headers["access-control-allow-origin"] == origin
    assert "x-request-id" in refused.headers["access-control-expose-headers"]
    assert stranger.status_code == 403
    assert "access-control-allow-origin" not in stranger.headers
    with galop_serve("--model", "scripted:Hello") as server:
        closed = httpx.options(f"{server.base_url}/v1/chat/completions", headers=preflight)
    assert closed.status_code == 403
    assert "access-control-allow-origin" not in closed.headers


def test_it_serves_https_with_the_files_it_is_given(tmp_path: Path) -> None:
    """A client that trusts the authority gets answers, and is told to stay on HTTPS. New files of another
    authority are served from the next second on."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def issue() -> ssl.SSLContext:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        key.write_bytes(certificate.private_key_pem.bytes())
        cert.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    def is_served(context: ssl.SSLContext) -> bool:
        with contextlib.suppress(httpx.ConnectError):
            return httpx.get(f"https://127.0.0.1:{port}/healthz", verify=context).is_success
        return False

    port = free_port()
    context = issue()
    with _process("--tls-cert", str(cert), "--tls-key", str(key), "--port", str(port)) as lines:
        for line in lines:
            if "ready at" in line:
                assert f"https://127.0.0.1:{port}/" in line
                break
        answer = httpx.get(f"https://127.0.0.1:{port}/v1/models", verify=context)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://127.0.0.1:{port}/v1/models")
        renewed = issue()
        deadline_s = time.monotonic() + 20
        while not is_served(renewed):
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        assert not is_served(context)
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tls-cert", "cert.pem"], "--tls-key: is needed beside --tls-cert"),
        (["--tls-cert", "/no/cert.pem", "--tls-key", "/no/key.pem"], "--tls-cert: cannot read"),
        (["--tls-cert", __file__, "--tls-key", __file__], "no certificate and unencrypted"),
        (["--cors-origin", "example.com"], "nor an origin such as https://"),
        (["--cors-origin", "https://example.com/path"], "nor an origin such as https://"),
        (["--otlp-endpoint", "collector:4318"], "no URL such as http://"),
        (["--threads", "1024"], "--threads: 1024 threads are too many for"),
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["config", "check"]], ids=" ".join)
def test_settings_that_cannot_work_are_refused_before_anything_starts(
    command: list[str], arguments: list[str], message: str
) -> None:
    """Exit code 2 and the name of the setting."""
    process = subprocess.run(
        [GALOP, *command, "--model", "scripted:x", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert process.returncode == 2
    assert message in " ".join(process.stderr.split())


def _engine_pid(server: Server) -> int:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    (engine,) = [
        child
        for child in children.split()
        if b"engine_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return int(engine)


@contextlib.contextmanager
def _collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP collector's one endpoint: its base URL, and what arrived there."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{collector.server_port}", received
        collector.shutdown()
        thread.join()


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[Iterator[str]]:
    """`galop serve`, and what it prints, line by line."""
    command = [GALOP, "serve", "--model", "scripted:Hello", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout.readline, "")
        finally:
            process.terminate()
            process.wait(timeout=20)
