"""The table of settings, from which flags, variables, keys of galop.toml, their validation and
docs/configuration.md are generated.

The setting `max_waiting` is the flag --max-waiting, the variable GALOP_MAX_WAITING and the key
`max_waiting`. To add a setting, add a field to `Settings`, use it, and run `make docs`.
`config.sources` reads the values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from galop.logs import LogFormat
from galop.protocol.literals import Compat

LogLevel = Literal["debug", "info", "warning", "error"]

EMBEDDED_MODEL_NAME = "smollm2-135m-instruct"
PAGE_MODEL_NAMES = ("llama3-8b-8192", "llama3-70b-8192", "mixtral-8x7b-32768", "gemma-7b-it")
"""The models of the 2024 page "Chat Completion Models"."""


def default_cache_directory() -> Path:
    """The directory of `galop tune`'s result: `galop` in the user's cache directory.

    A relative XDG_CACHE_HOME is invalid (XDG Base Directory Specification) and counts as unset.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "galop"


def default_state_directory() -> Path:
    """The directory of keys and usage: `galop` in the user's state directory.

    A relative XDG_STATE_HOME is invalid (XDG Base Directory Specification) and counts as unset.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "galop"


Section = Literal["Model", "Network", "Keys", "Engine", "Limits", "Observability"]


def _option(
    section: Section,
    description: str,
    *,
    metavar: str | None = None,
    is_secret: bool = False,
    ge: float | None = None,
    le: float | None = None,
) -> Meta:
    """The properties of a setting besides type and default. `ge` and `le`: inclusive bounds."""
    extra = {"section": section, "metavar": metavar, "is_secret": is_secret}
    return Meta(description=description, ge=ge, le=le, extra=extra)


class Settings(Struct, frozen=True, kw_only=True):
    """The values of all settings."""

    model: Annotated[
        str | None,
        _option(
            "Model",
            "A GGUF file. Left out: the embedded SmolLM2-135M-Instruct. 'scripted:TEXT' answers "
            "TEXT without any model, for tests.",
            metavar="PATH",
        ),
    ] = None
    model_name: Annotated[
        str | None,
        _option(
            "Model",
            "The id clients use for the model. Left out: made from the file's name.",
            metavar="ID",
        ),
    ] = None
    alias: Annotated[
        tuple[str, ...],
        _option(
            "Model",
            "One more id for the model; can be given several times.",
            metavar="NAME=MODEL",
        ),
    ] = ()
    default_aliases: Annotated[
        bool,
        _option(
            "Model",
            "Let the four model names of the 2024 page be aliases of the embedded model: "
            + ", ".join(PAGE_MODEL_NAMES)
            + ".",
        ),
    ] = True
    tuned: Annotated[
        bool,
        _option(
            "Model",
            "Serve the weights that `galop tune` found fastest for this model on this machine, if it "
            "has been run.",
        ),
    ] = True
    cache_dir: Annotated[
        Path | None,
        _option(
            "Model",
            "Directory of `galop tune`'s result. Left out: galop in the user's cache directory.",
            metavar="DIR",
        ),
    ] = None
    # Loopback: only this machine can use a server without keys.
    host: Annotated[str, _option("Network", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _option("Network", "Port to listen on.", ge=1, le=65535)] = 8000
    tls_cert: Annotated[
        Path | None,
        _option(
            "Network",
            "Serve HTTPS with the certificate chain in this PEM file; needs tls_key.",
            metavar="FILE",
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        _option("Network", "The private key of tls_cert, in PEM.", metavar="FILE"),
    ] = None
    cors_origin: Annotated[
        tuple[str, ...],
        _option(
            "Network",
            "Let web pages of this origin use the API, '*' for every page; can be given several "
            "times. Pages of other origins are refused.",
            metavar="ORIGIN",
        ),
    ] = ()
    compat: Annotated[
        Compat,
        _option(
            "Network",
            "'groq-2024' reproduces the limits of the 2024 page: JSON mode with stream or stop is "
            "refused, n is 1, no logprobs, no logit_bias.",
        ),
    ] = "default"
    allow_anonymous: Annotated[
        bool,
        _option(
            "Keys",
            "Answer requests without an API key even if there are keys, and listen on addresses that "
            "other machines can reach even if there are none.",
        ),
    ] = False
    state_dir: Annotated[
        Path | None,
        _option(
            "Keys",
            "Directory of keys, limits and usage. Left out: galop in the user's state directory.",
            metavar="DIR",
        ),
    ] = None
    ledger_url: Annotated[
        str | None,
        _option(
            "Keys",
            "The database for keys, limits and usage: postgresql://USER:PASSWORD@HOST/NAME or "
            "sqlite:///FILE. Left out: SQLite in the state directory.",
            metavar="URL",
            is_secret=True,
        ),
    ] = None
    secret_file: Annotated[
        Path | None,
        _option(
            "Keys",
            "File of the server's secret, with which API keys are hashed. Servers that share a database "
            "need the same secret. Left out: secret in the state directory, created if missing.",
            metavar="PATH",
        ),
    ] = None
    # KV cache memory is used only for tokens, so unused sequences cost nothing.
    max_sequences: Annotated[
        int, _option("Engine", "Sequences in one batch; every choice is one.", ge=1, le=256)
    ] = 16
    # As in the page's model name llama3-8b-8192. Reduced to the training context of the model.
    context_window: Annotated[
        int,
        _option(
            "Engine",
            "Tokens of prompt and completion together, at most those the model was trained for. "
            "Memory is used as it fills.",
            ge=256,
        ),
    ] = 8192
    prefill_chunk: Annotated[
        int,
        _option(
            "Engine",
            "Prompt tokens per step while other requests generate: lower means smoother streams, "
            "higher means faster first tokens.",
            ge=16,
            le=512,
        ),
    ] = 128
    threads: (
        Annotated[
            int,
            _option(
                "Engine",
                "Threads for large batches, at most one per core. Left out: one per core.",
                ge=1,
                le=1024,
            ),
        ]
        | None
    ) = None
    max_waiting: Annotated[
        int,
        _option(
            "Limits",
            "Sequences that may wait for a place in the batch; more get a 503. One API key gets at most "
            "four fifths of it.",
            ge=0,
        ),
    ] = 128
    # The tokens of 16 context windows, as many as a full batch has: minutes of prefill on two cores.
    max_waiting_tokens: Annotated[
        int,
        _option(
            "Limits",
            "Prompt tokens that may wait to be computed; more get a 503, unless nothing else waits.",
            ge=1,
        ),
    ] = 131_072
    max_body_bytes: Annotated[int, _option("Limits", "Largest request body.", ge=1024)] = (
        4 * 1024 * 1024
    )
    request_timeout: (
        Annotated[
            int,
            _option(
                "Limits",
                "The longest time of a request, waiting included; then it is a 504. The header "
                "x-request-timeout can set a shorter one. Left out: no limit.",
                metavar="SECONDS",
                ge=1,
            ),
        ]
        | None
    ) = None
    client_timeout: Annotated[
        int,
        _option(
            "Limits",
            "A client that takes longer to send its request, or reads nothing of its answer for this "
            "long, is disconnected and its completion cancelled.",
            metavar="SECONDS",
            ge=1,
        ),
    ] = 30
    drain_timeout: Annotated[
        int,
        _option(
            "Limits",
            "How long running requests may continue after SIGTERM or Ctrl-C.",
            metavar="SECONDS",
            ge=0,
        ),
    ] = 10
    crash_retries: Annotated[
        int,
        _option(
            "Limits",
            "How often a request is retried if the engine dies while it works on it; the client sees a "
            "pause. The last retry runs alone.",
            ge=0,
            le=10,
        ),
    ] = 2
    hang_timeout: Annotated[
        int,
        _option(
            "Limits",
            "An engine that has work but ends no step for this long is killed and restarted.",
            metavar="SECONDS",
            ge=1,
        ),
    ] = 60
    log_level: Annotated[
        LogLevel, _option("Observability", "Lowest level of the log on stderr.")
    ] = "info"
    log_format: Annotated[
        LogFormat,
        _option("Observability", "'json' writes one object per line, with request ids as keys."),
    ] = "text"
    log_prompts: Annotated[
        bool,
        _option(
            "Observability",
            "Also log prompts and answers, which are never logged otherwise.",
        ),
    ] = False
    metrics: Annotated[
        bool, _option("Observability", "Serve metrics for Prometheus at /metrics.")
    ] = True
    otlp_endpoint: Annotated[
        str | None,
        _option(
            "Observability",
            "Send traces to this OpenTelemetry collector, by OTLP over HTTP; needs the extra "
            "galop[otel]. Left out: no traces.",
            metavar="URL",
        ),
    ] = None


class SettingError(Exception):
    """A setting is wrong. `source`: its flag, variable or key of a file; `reason`: one line."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


@dataclass(frozen=True)
class Setting:
    """One setting: a row of the table."""

    name: str
    """In snake case."""
    type: Any  # a type expression, as is the next
    """Without bounds."""
    annotated_type: Any
    """With bounds."""
    default: object
    """None if the setting has no value."""
    meta: Meta
    """As made by `_option`."""

    @property
    def flag(self) -> str:
        """The flag that sets it: `--max-waiting`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable: `GALOP_MAX_WAITING`."""
        return "GALOP_" + self.name.upper()

    @property
    def description(self) -> str:
        """For help texts and docs/configuration.md."""
        return self.meta.description or ""

    @property
    def section(self) -> Section:
        """The section of docs/configuration.md."""
        section: Section = self._extra["section"]
        return section

    @property
    def is_secret(self) -> bool:
        """Whether its value must not be shown."""
        return bool(self._extra["is_secret"])

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.type is bool

    @property
    def is_list(self) -> bool:
        """Whether its flag can be given several times."""
        return get_origin(self.type) is tuple

    @property
    def is_whole_number(self) -> bool:
        """Whether its values are integers."""
        return int in (self.type, *get_args(self.type))

    @property
    def choices(self) -> tuple[str, ...]:
        """All allowed values; empty if they are not listed."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @cached_property
    def metavar(self) -> str:
        """The placeholder of the value in help texts."""
        if self._extra["metavar"]:
            return str(self._extra["metavar"])
        return "|".join(self.choices) or ("N" if self.is_whole_number else "TEXT")

    @property
    def bounds(self) -> str:
        """The allowed range in words; empty if there is none."""
        low, high = self.meta.ge, self.meta.le
        if low is not None and high is not None:
            return f"{low} to {high}"
        return f"at least {low}" if low is not None else ""

    def parse_text(self, text: str, source: str) -> object:
        """The value of a flag or variable. Raises `SettingError`."""
        if self.is_list:
            return self.convert([part.strip() for part in text.split(",") if part.strip()], source)
        if self.is_switch:
            words = {"1": True, "true": True, "yes": True, "on": True}
            words |= {"0": False, "false": False, "no": False, "off": False}
            if text.lower() not in words:
                raise SettingError(source, f"{text!r} is neither true nor false")
            return words[text.lower()]
        return self._converted(text, source, is_strict=False)

    def convert(self, value: object, source: str) -> object:
        """The value of a key of galop.toml. Raises `SettingError`."""
        return self._converted(value, source, is_strict=True)

    def _converted(self, value: object, source: str, *, is_strict: bool) -> object:
        if isinstance(value, str) and not value.strip():
            # An empty address would mean all addresses, an empty path the working directory.
            raise SettingError(source, "is empty")
        if self.choices and value not in self.choices:
            raise SettingError(source, f"{value!r} is not one of {', '.join(self.choices)}")
        try:
            return msgspec.convert(value, self.annotated_type, strict=is_strict, dec_hook=_path)
        except msgspec.ValidationError as error:
            reason = str(error).replace("`", "")
            if self.bounds:
                kind = "whole number" if self.is_whole_number else "number"
                reason = f"{value!r} is not a {kind}, {self.bounds}"
            raise SettingError(source, reason) from None

    @property
    def _extra(self) -> Mapping[str, Any]:  # Any: see `_option`
        return self.meta.extra or {}


def _path(kind: type, value: object) -> object:
    if kind is not Path or not isinstance(value, str):
        raise msgspec.ValidationError(f"Expected a path, got {value!r}")
    return Path(value)


def _rows() -> Sequence[Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        hint = hints[field.name]
        # msgspec requires the bounds of an optional number on the number: Annotated[int, ...] | None
        is_optional_number = get_origin(hint) is not Annotated
        kind, meta = get_args(get_args(hint)[0] if is_optional_number else hint)
        kind = kind | None if is_optional_number else kind
        rows.append(Setting(field.name, kind, hint, field.default, meta))
    return rows


SETTINGS: Mapping[str, Setting] = {row.name: row for row in _rows()}
"""The table: name of a setting to its row, in the order of `Settings`."""
