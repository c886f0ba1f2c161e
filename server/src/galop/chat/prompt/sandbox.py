"""The Jinja environment of chat templates, and the program that renders them in a process of its own.

The dialect is that of Hugging Face's `apply_chat_template` (transformers,
`utils/chat_template_utils.py`): trimmed blocks, loop controls, `raise_exception`, `strftime_now`,
a `tojson` that leaves non-ASCII and `<` alone, and `{% generation %}` blocks.

Imports only Jinja and the standard library, because `chat.prompt.rendering` runs this file by its path:
importing it as `galop.chat.prompt.sandbox` would load the whole package, 13 MB and 100 ms more.
"""

from __future__ import annotations

import gc
import json
import resource
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.ext import Extension, loopcontrols
from jinja2.meta import TrackingCodeGenerator
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

MAX_SOURCE_CHARS = 1 << 18
"""Of a template. The longest known ones have about 40,000."""

_MAX_REASON_CHARS = 500
"""Of a template's own error message."""

OutcomeKind = Literal["text", "refused", "output", "memory"]


class RenderOutcome(NamedTuple):
    """How one render ended."""

    kind: OutcomeKind
    """`refused`: the template raised. `output`, `memory`: a limit was exceeded."""
    text: str
    """The rendered text; the reason; or the limit, as a decimal number of characters or MiB."""


class RenderLimits(NamedTuple):
    """Limits of one render."""

    output_chars: int
    memory_mib: int
    """Of the data segment of the rendering process (RLIMIT_DATA). Linux enforces it."""

    @classmethod
    def for_request(cls, num_bytes: int) -> RenderLimits:
        """Limits for an input of `num_bytes` of JSON."""
        # Known templates write their input once or twice. 4 MiB in long messages took 40 MiB, in 130,000
        # tiny ones 77 MiB (2026-11).
        return cls(output_chars=(1 << 20) + 8 * num_bytes, memory_mib=128 + (16 * num_bytes >> 20))


class _OutputLimitError(Exception):
    pass


# --- the environment -----------------------------------------------------------------------------


class _RuntimeOnly(CodeGenerator):
    """Disables constant folding: compiling has no limits, and `{{ 'a'|center(10**9) }}` is a constant."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        # Any: a private type of Jinja.
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class _Variables(_RuntimeOnly, TrackingCodeGenerator):
    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.optimizer = None  # it folds constants too, whatever the environment says


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles chat templates, which can neither reach Python's internals nor change their variables."""

    code_generator_class = _RuntimeOnly

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # see _RuntimeOnly
            extensions=[loopcontrols, _GenerationBlock],
        )
        self.filters["tojson"] = _to_json
        self.globals.update(
            raise_exception=_raise_exception,
            strftime_now=_strftime_now,
            dict=_make_dict,
            namespace=_TemplateNamespace,
        )

    def template(self, source: str) -> Template:
        """Compile. Raises what Jinja and Python's compiler raise, and ValueError if the source is too long."""
        if len(source) > MAX_SOURCE_CHARS:
            raise ValueError(f"it is longer than {MAX_SOURCE_CHARS} characters")
        return self.from_string(source)

    def variables(self, source: str) -> frozenset[str]:
        """The variables that a template reads and does not set."""
        tracker = _Variables(self)
        tracker.visit(self.parse(source))
        return frozenset(tracker.undeclared_identifiers)


class _GenerationBlock(Extension):
    """`{% generation %}...{% endgeneration %}` marks text for training; here it has no effect."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _TemplateNamespace(Namespace):
    """Refuses names that begin with an underscore, as transformers does: they reach Python's internals."""

    def __init__(*args: Any, **attributes: Any) -> None:
        self, args = args[0], args[1:]  # `self` must stay free as a template's own name
        for name in (named := dict(*args, **attributes)):
            _check_name(name)
        Namespace.__init__(self, named)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace takes no name with an underscore in front: {name!r}")


def _make_dict(*args: Any, **members: Any) -> dict[Any, Any]:
    # A function: templates must not reach the attributes of the type `dict`.
    return dict(*args, **members)


def _to_json(
    value: Any,  # any value of a template
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML characters, which training data does not.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    raise TemplateRuntimeError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)


# --- rendering -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def environment() -> TemplateEnvironment:
    """The environment of this process."""
    return TemplateEnvironment()


@lru_cache(maxsize=16)
def compiled(source: str) -> Template:
    """See `TemplateEnvironment.template`."""
    return environment().template(source)


def render(source: str, names: Mapping[str, Any], limits: RenderLimits) -> RenderOutcome:
    """Render, with the limit on the output. Never raises. Any: JSON.

    The limit on memory is the process's; here it only appears in the outcome.
    """
    try:
        chunks: list[str] = []
        num_chars = 0
        for chunk in compiled(source).generate(names):
            num_chars += len(chunk)
            if num_chars > limits.output_chars:
                raise _OutputLimitError
            chunks.append(chunk)
        return RenderOutcome("text", "".join(chunks))
    except _OutputLimitError:
        return RenderOutcome("output", str(limits.output_chars))
    except MemoryError:
        return RenderOutcome("memory", str(limits.memory_mib))
    except Exception as error:  # a template can raise anything
        return RenderOutcome("refused", reason_of(error))


def reason_of(error: Exception) -> str:
    """The message of a template's error, at most 500 characters."""
    return (str(error) or type(error).__name__)[:_MAX_REASON_CHARS]


# --- the process ---------------------------------------------------------------------------------

_LENGTH = struct.Struct("!I")
_READ_BYTES = 1 << 16
_KINDS: tuple[OutcomeKind, ...] = ("text", "refused", "output", "memory")


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message: 4 bytes of length, big-endian, then the message."""
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket) -> bytes | None:
    """The next message; None at the end of the stream. The peer must send no more before the reply."""
    received = bytearray()
    num_bytes = _LENGTH.size
    while len(received) < num_bytes:
        piece = connection.recv(_READ_BYTES)
        if not piece:
            return None
        received += piece
        if len(received) >= _LENGTH.size:
            num_bytes = _LENGTH.size + _LENGTH.unpack_from(received)[0]
    return bytes(memoryview(received)[_LENGTH.size :])


def encode_request(source: str, names: Mapping[str, Any]) -> bytes:
    """The message of a render: template and variables. Any: JSON."""
    return json.dumps([source, names]).encode()


def encode_outcome(outcome: RenderOutcome) -> bytes:
    """The message of an outcome: the index of its kind in one byte, then its text in UTF-8."""
    return bytes([_KINDS.index(outcome.kind)]) + outcome.text.encode("utf-8", "surrogatepass")


def decode_outcome(message: bytes) -> RenderOutcome:
    """The inverse of `encode_outcome`."""
    return RenderOutcome(_KINDS[message[0]], message[1:].decode("utf-8", "surrogatepass"))


def main(connection: socket.socket, alarm_s: int) -> None:
    """Answer every request on `connection` until the stream ends.

    An empty message announces that the process is ready. A render of more than `alarm_s` ends the
    process. The server kills it sooner, unless the server itself has ended.
    """
    # The server handles Ctrl-C and the SIGTERM that systemd sends to the whole process group.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    environment()
    gc.freeze()
    send(connection, b"")
    memory_mib = 0
    while (request := receive(connection)) is not None:
        limits = RenderLimits.for_request(len(request))
        if limits.memory_mib != memory_mib:
            memory_mib = limits.memory_mib
            _limit_memory(memory_mib << 20)
        signal.alarm(alarm_s)
        send(connection, _outcome_of(request, limits))
        signal.alarm(0)


def _outcome_of(request: bytes, limits: RenderLimits) -> bytes:
    try:
        source, names = json.loads(request)
        return encode_outcome(render(source, names, limits))
    except MemoryError:
        return encode_outcome(RenderOutcome("memory", str(limits.memory_mib)))


def _limit_memory(num_bytes: int) -> None:
    # The hard limit stays: a lowered one could not be raised again for a larger request.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = num_bytes if hard == resource.RLIM_INFINITY else min(num_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _connection:
        main(_connection, alarm_s=int(sys.argv[2]))
