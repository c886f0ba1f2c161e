"""Templates that take too long, write too much or fill the memory, and the processes they run in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from galop.chat.errors import TemplateError, TemplateLimitError
from galop.chat.prompt import sandbox
from galop.chat.prompt.rendering import LocalRenderer, RenderingPool
from galop.chat.prompt.sandbox import encode_request, receive, send

NAMES = {"messages": [{"role": "user", "content": "Hi"}]}
HANG = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
PATIENT_S = 20.0
"""For templates that end by themselves, on machines that are busy with other things."""

ENDLESS = {
    "a list of itself, written": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "tuples of themselves, compared": "{% set x = (1,) %}{% set y = (1,) %}"
    + "{% set x = (x, x) %}{% set y = (y, y) %}" * 60
    + "{{ x == y }}",
    "an object of itself, as JSON": "{% set x = {} %}"
    + "{% set x = dict(a=x, b=x) %}" * 60
    + "{{ x|tojson }}",
    "namespaces of themselves": "{% set x = namespace() %}"
    + "{% set x = namespace(a=x, b=x) %}" * 60
    + "{{ x }}",
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}"
    "{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "loops that find nothing": "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}"
    "{% endfor %}{% endfor %}",
    "loops in filters": "{% for a in range(99999) %}{{ range(99999)|list|length }}{% endfor %}",
    "loops over a text": "{% for a in 'x' * 5000 %}{% for b in 'x' * 5000 %}{% endfor %}{% endfor %}",
    "a macro twice itself": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
    "{% endmacro %}{{ m(60) }}",
    "many slices": "{{ [1]|slice(10**9)|list|length }}",
    "lists summed up": "{{ ([[1]] * 100000)|sum(start=[])|length }}",
    "powers": "{{ 10 ** (10 ** 10) }}",
    "a large product": "{% set ns = namespace(x=3) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "slices": "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{% set y = x[1:] %}{% endfor %}",
    "searches": "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ 'b' in x }}{% endfor %}",
    "blind text": "{{ lipsum(n=10**6)|length }}",
}
"""Each takes many seconds; most take centuries."""

LARGE = {
    "indent with a text": "{{ ('a\n' * 1000)|indent('b' * 100000) }}",
    "a long text": "{{ ('a' * 10**9)|length }}",
    "a long list": "{{ ([1] * 10**9)|length }}",
    "a text doubled": "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60 + "{{ x|length }}",
    "a text added": "{% set x = 'ab' %}" + "{% set x = x + x %}" * 60 + "{{ x|length }}",
    "a text repeated": "{% set x = 'ab' %}" + "{% set x = x|replace('a', x) %}" * 60 + "-",
    "a text joined": "{% set x = 'ab' %}" + "{% set x = x.join([x, x, x]) %}" * 60 + "-",
    "a block doubled": "{% set x = 'ab' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60 + "-",
    "many long texts": "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}"
    "{% set ns.x = ns.x + ['a' * 100000 ~ i] %}{% endfor %}",
    "text of a template": "{% set x %}{% for a in range(99999) %}"
    + "y" * 100000
    + "{% endfor %}{% endset %}",
    "a width in %": "{{ '%1000000000d' % 1 }}",
    "a precision in %": "{{ '%.1000000000f' % 1 }}",
    "a width from an argument": "{{ '%*d' % (10**9, 1) }}",
    "a width in the filter": "{{ '%1000000000d'|format(1) }}",
    "a width in format": "{{ '{:1000000000d}'.format(1) }}",
    "a width in format from an argument": "{{ '{:{}}'.format(1, 10**9) }}",
    "the filter center": "{{ 'a'|center(10**9) }}",
    "the method center": "{{ 'a'.center(10**9) }}",
    "zfill": "{{ 'a'.zfill(10**9) }}",
    "expandtabs": "{{ '\t'.expandtabs(10**9) }}",
    "indent": "{{ ('a\n' * 10000)|indent(10**8) }}",
    "JSON indented": "{{ [1, 2]|tojson(indent=10**9) }}",
    "JSON separated": "{% set s = 'x' * 100000 %}{{ range(99999)|list|tojson(separators=(s, s)) }}",
    "a padded batch": "{{ [1]|batch(10**9, 2)|list|length }}",
    "joined with much": "{% set s = 'a' * 1000000 %}{{ range(99999)|join(s)|length }}",
    "bytes": "{{ (1).to_bytes(10**9, 'big')|length }}",
}
"""Each takes gigabytes."""

LONG = {
    "many chunks": "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    "a list of itself, formatted": "{% set x = 'a' * 10000 %}{{ '{0}' * 10000 }}"
    "{{ ('{0}' * 10000).format(x) }}{{ ('%s' * 9999) % (x,) }}",
}
"""Each writes millions of characters."""

REFUSED = {
    "a deep list": "{% set ns = namespace(x=()) %}{% for i in range(99999) %}"
    "{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
    "a long range": "{% for a in range(10**9) %}{% endfor %}",
    "a recursive loop": "{% for a in [[1]] recursive %}{{ loop([a, a]) }}{% endfor %}",
    "a recursive macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a recursive block": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "words of its own": "{{ raise_exception('a' * 1000000) }}",
}
"""Bounds of Python and of Jinja."""


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderingPool]:
    """A pool for templates that end."""
    with closing(RenderingPool(time_limit_s=PATIENT_S)) as pool:
        yield pool


@pytest.fixture(scope="module")
def hasty_pool() -> Iterator[RenderingPool]:
    """A pool with a short time limit, for templates that do not end."""
    with closing(RenderingPool(time_limit_s=0.1)) as pool:
        yield pool


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_template_that_does_not_end_is_stopped(source: str, hasty_pool: RenderingPool) -> None:
    """Also inside a C function. The error names the limit, and the next render works."""
    with pytest.raises(TemplateLimitError, match=r"more than 0\.1 seconds") as caught:
        hasty_pool.render(source, NAMES)
    assert (caught.value.unit, caught.value.limit) == ("seconds", 0.1)


@pytest.mark.parametrize("source", LARGE.values(), ids=LARGE)
def test_the_memory_of_a_template_is_bounded(source: str, pool: RenderingPool) -> None:
    """By the kernel. The next render works."""
    with pytest.raises(TemplateLimitError) as caught:
        pool.render(source, NAMES)
    assert caught.value.unit == "MiB of memory"
    assert pool.render("{{ messages[0].content }}", NAMES) == "Hi"


@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_the_output_of_a_template_is_bounded(source: str, pool: RenderingPool) -> None:
    """While it is written, not afterwards."""
    with pytest.raises(TemplateLimitError) as caught:
        pool.render(source, NAMES)
    assert caught.value.unit == "characters"
    assert 1_000_000 < caught.value.limit < 2_000_000


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_what_python_or_jinja_refuse_is_an_error_of_the_template(
    source: str, pool: RenderingPool
) -> None:
    """With a short reason."""
    with pytest.raises(TemplateError) as caught:
        pool.render(source, NAMES)
    assert 0 < len(caught.value.reason) <= 500


def test_a_pool_renders_the_same_text_as_this_process(pool: RenderingPool) -> None:
    """Any text survives the transfer."""
    text = "é\ud800\x00\u2028" + chr(0x10FFFF)
    names = {"messages": [{"role": "user", "content": text}], "n": 2**70, "x": [None, True, 1.5]}
    source = "{{ messages[0].content }}{{ n }}{{ x|tojson }}ß"
    assert pool.render(source, names) == f"{text}{2**70}[null, true, 1.5]ß"
    assert LocalRenderer().render(source, names) == pool.render(source, names)


def test_the_limits_grow_with_the_conversation(pool: RenderingPool) -> None:
    """A long one renders."""
    loop = (
        "{% for m in messages %}{{ '<' + m.role + '>' + m.content.strip() + '</s>' }}{% endfor %}"
    )
    long = [{"role": "user", "content": "word " * 800_000}]
    many = NAMES["messages"] * 20_000
    assert len(pool.render(loop, {"messages": long})) == 4_000_009
    assert len(pool.render(loop, {"messages": many})) == 20_000 * 12


def test_other_templates_render_while_one_hangs() -> None:
    """In a second process, which is started for that."""
    with closing(RenderingPool(time_limit_s=PATIENT_S)) as pool:
        assert pool.render("quick", NAMES) == "quick"
        assert len(pool.process_ids) == 1
        ended: list[Exception] = []
        hanging = threading.Thread(target=_render_into, args=(pool, HANG, ended))
        hanging.start()
        while len(pool.process_ids) == 1:  # until a render has found the only process busy
            assert pool.render("quick", NAMES) == "quick"
        assert pool.render("quick again", NAMES) == "quick again"
        assert hanging.is_alive()
        assert len(pool.process_ids) == 2
        for process_id in pool.process_ids:
            os.kill(process_id, signal.SIGKILL)
        hanging.join()
        assert isinstance(ended[0], TemplateError)
        assert "SIGKILL" in str(ended[0])
        assert pool.render("quick again", NAMES) == "quick again"


def _render_into(pool: RenderingPool, source: str, ended: list[Exception]) -> None:
    try:
        pool.render(source, NAMES)
    except Exception as error:
        ended.append(error)


def test_an_idle_process_that_was_killed_is_replaced() -> None:
    """As the kernel does if memory is short."""
    with closing(RenderingPool()) as pool:
        pool.start()
        assert pool.render("a", NAMES) == "a"
        (first,) = pool.process_ids
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert pool.render("b", NAMES) == "b"
        assert first not in pool.process_ids
        assert len(pool.process_ids) == 1


def test_more_hanging_templates_than_processes_are_stopped() -> None:
    """Those that get no process in time are refused with the same error."""
    with closing(RenderingPool(time_limit_s=0.2)) as pool:
        ended: list[Exception] = []
        threads = [
            threading.Thread(target=_render_into, args=(pool, HANG, ended)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(error) for error in ended] == [TemplateLimitError] * 8
        assert len(pool.process_ids) <= 4
        assert pool.render("quick", NAMES) == "quick"


def test_close_ends_the_processes() -> None:
    """It is idempotent."""
    pool = RenderingPool()
    pool.start()
    (process_id,) = pool.process_ids
    pool.close()
    pool.close()
    assert not pool.process_ids
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


def _program(alarm_s: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", sandbox.__file__, str(theirs.fileno()), str(alarm_s)],
            pass_fds=[theirs.fileno()],
        )
    assert receive(ours) == b""
    return process, ours


def test_the_process_ends_with_its_server() -> None:
    """While it is idle."""
    process, connection = _program(60)
    connection.close()
    assert process.wait(timeout=20) == 0


def test_the_process_ends_a_long_render_by_itself() -> None:
    """Its server was killed and cannot kill it."""
    process, connection = _program(1)
    send(connection, encode_request(HANG, {}))
    connection.close()
    assert process.wait(timeout=20) == -signal.SIGALRM


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/PID/status")
def test_the_process_allocates_no_more_than_its_limit() -> None:
    """The render fills the limit; 32 MiB are for the process itself."""
    process, connection = _program(60)
    doubled = "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60
    with connection:
        send(connection, encode_request(doubled, {}))
        answer = receive(connection)
        with open(f"/proc/{process.pid}/status") as status:
            peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    assert answer is not None
    assert sandbox.decode_outcome(answer) == sandbox.RenderOutcome("memory", "128")
    assert 64 * 1024 < peak_kib < (128 + 32) * 1024
    assert process.wait(timeout=20) == 0


def test_the_process_ignores_signals_for_its_server() -> None:
    """Ctrl-C reaches every process of the terminal; renders still succeed."""
    process, connection = _program(60)
    with connection:
        for each in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(each)
        send(connection, encode_request("still here", {}))
        answer = receive(connection)
    assert answer is not None
    assert sandbox.decode_outcome(answer).text == "still here"
    assert process.wait(timeout=20) == 0
