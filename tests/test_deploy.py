"""deploy/ is what its tools accept, and says what the program means."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from galop import __version__
from galop.config.settings import Settings
from galop.config.sources import configure
from galop.serving.server import ERROR_EVENTS_TIMEOUT_S
from galop.telemetry import EngineState, Metrics

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent

# Any below: manifests are trees of JSON.


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def kubernetes(kind: str) -> Any:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return next(document for document in documents if document["kind"] == kind)


@pytest.fixture
def pod() -> Any:
    return kubernetes("Deployment")["spec"]["template"]["spec"]


@pytest.fixture
def container(pod: Any) -> Any:
    return pod["containers"][0]


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "deploy/Dockerfile"],
        ["kubernetes-validate", "--strict", "deploy/kubernetes.yaml"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"],
    ],
    ids=lambda command: command[0],
)
def test_the_linter_has_nothing_to_say(command: list[str]) -> None:
    """Dockerfile, manifest and compose file, each by the tool made for it."""
    result = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_the_unit_is_valid_and_exposes_little(tmp_path: Path) -> None:
    """systemd finds no fault, and its measure of exposure stays below 2.0 of 10."""
    unit = tmp_path / "galop.service"
    text = (DEPLOY / "galop.service").read_text()
    unit.write_text(text.replace("/opt/galop/bin/galop", str(BIN / "galop")))
    verified = run("systemd-analyze", "verify", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    exposed = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert exposed.returncode == 0, exposed.stdout[-300:] + exposed.stderr


def test_the_unit_leaves_the_server_time_to_drain() -> None:
    """SIGTERM goes to the server alone, and SIGKILL comes after its last words."""
    text = (DEPLOY / "galop.service").read_text()
    assert "\nKillMode=mixed\n" in text
    [timeout] = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(timeout) > Settings().drain_timeout + ERROR_EVENTS_TIMEOUT_S


@pytest.mark.parametrize("line", ["ExecStartPre", "ExecStart"])
@pytest.mark.model
def test_the_commands_of_the_unit_exist(line: str, tmp_path: Path) -> None:
    """Every subcommand and flag is one that the program has."""
    [command] = re.findall(
        rf"^{line}=/opt/galop/bin/galop (.*)$", (DEPLOY / "galop.service").read_text(), re.MULTILINE
    )
    assert_accepted(command.split(), tmp_path)


def test_the_image_runs_as_nobody_and_gets_signals() -> None:
    """Not root, exec form, a health check, and every copied path is in the context."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 10001" in last_stage
    assert 'ENTRYPOINT ["galop"]' in last_stage
    assert any(line.startswith("HEALTHCHECK") for line in last_stage)
    copied = [line.split()[1] for line in lines if re.match(r"COPY (?!--from)", line)]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for path in copied:
        assert (ROOT / path).exists()
        assert any(rule.startswith(f"!{path}") for rule in ignored), path


def test_the_variables_of_image_and_compose_file_are_settings(tmp_path: Path) -> None:
    """A misspelt one would be ignored."""
    text = (DEPLOY / "Dockerfile").read_text() + (DEPLOY / "compose.yaml").read_text()
    pairs = dict(re.findall(r'(GALOP_\w+)(?:=|: )"?([\w./]+)', text))
    assert set(pairs) >= {"GALOP_HOST", "GALOP_CONFIG"}
    (tmp_path / "galop.toml").touch()
    assert configure({}, pairs, tmp_path / "galop.toml").warnings == ()


def test_compose_leaves_time_to_drain_and_takes_rights_away() -> None:
    """Nothing writable but its volumes, no capability, this machine's port only."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["galop"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > Settings().drain_timeout + ERROR_EVENTS_TIMEOUT_S
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def test_the_pod_is_asked_the_right_questions(container: Any) -> None:
    """Alive never asks the engine; started and ready do, at the port it listens on."""
    paths = {
        name: container[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}
    assert container["ports"][0]["containerPort"] == Settings().port
    assert kubernetes("Service")["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]


@pytest.mark.model
def test_the_settings_of_the_pod_are_accepted(container: Any, tmp_path: Path) -> None:
    """The file in the ConfigMap, and the arguments."""
    text = kubernetes("ConfigMap")["data"]["galop.toml"]
    assert_accepted(container["args"], tmp_path, text)
    assert container["image"] == f"galop:{__version__}"


def test_the_pod_has_time_to_drain(pod: Any, container: Any, tmp_path: Path) -> None:
    """preStop, drain timeout and last words fit into the grace period."""
    file = tmp_path / "galop.toml"
    file.write_text(kubernetes("ConfigMap")["data"]["galop.toml"])
    drain_timeout = configure({}, {}, file).settings.drain_timeout
    pre_stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pre_stop + drain_timeout + ERROR_EVENTS_TIMEOUT_S
    assert pod["terminationGracePeriodSeconds"] > needed


def test_the_pod_has_no_rights_that_it_does_not_need(pod: Any, container: Any) -> None:
    """The "restricted" profile of the Pod Security Standards, and no service account."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # GALOP_PORT would be tcp://...
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}


def queries() -> Iterator[Any]:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield pytest.param(target["expr"], id=panel["title"])
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yaml").read_text())
    for rule in rules["groups"][0]["rules"]:
        yield pytest.param(rule["expr"], id=rule["alert"])


@pytest.mark.parametrize("query", list(queries()))
def test_every_metric_in_a_query_is_served(query: str) -> None:
    """A misspelt one would be an empty panel, or an alert that never comes."""
    metrics = Metrics(EngineState, model_name="m", version="1")
    served = {"galop_engine_process_resident_memory_bytes", "galop_engine_process_open_fds"}
    served.add("galop_engine_process_cpu_seconds_total")  # of a process that does not run here
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    for family in metrics.registry.collect():
        served |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    names = re.findall(r"\b(?:galop|process|vllm)[_:]\w+", query)
    assert names
    assert set(names) <= served


def assert_accepted(arguments: list[str], folder: Path, settings: str = "") -> None:
    """`galop config check` accepts the settings of this command, with `settings` as its file."""
    file = folder / "galop.toml"
    file.write_text(settings)
    command = [str(file) if argument.endswith("galop.toml") else argument for argument in arguments]
    if command[0] == "serve":
        command[:1] = ["config", "check"]
    result = run(BIN / "galop", *command)
    assert result.returncode == 0, result.stderr
