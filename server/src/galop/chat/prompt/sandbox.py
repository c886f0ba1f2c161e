"""What a chat template may compute: Jinja's immutable sandbox, with every step paid from a budget.

Templates come with the weights and are not trusted. Jinja's sandbox keeps them from Python's internals,
but not from `'a' * 10**9`, nested loops, or a list of twice itself sixty times over. Here the budget of a
render is a number of units, about a nanosecond and a byte each. Loops and macros pay as they begin,
operators, calls, filters and tests before they work, values when they are written or joined. What
no template in use needs is not there at all: filters for HTML, methods such as `str.translate`,
widths over a thousand.

Jinja offers a hook for operators, calls and output. For the rest (`~`, comparisons, slices, literals,
loops) the parsed template is rewritten: each becomes, or is preceded by, a call of a filter that pays.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Sized, ValuesView
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import chain
from typing import Any

from jinja2 import Template, nodes, pass_context
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

MAX_SOURCE_CHARS = 1 << 18
"""Of a template. The longest in use have about 20,000."""

_BASE_UNITS = 8_000_000
_UNITS_PER_UNIT_GIVEN = 64
"""Honest templates copy what they are given about ten times."""

_ITEM = 32
"""Of a list, tuple or object: what one takes in memory, and looking at it in nanoseconds."""
_STEP = 64
"""One call, or one turn of a loop."""
_MACRO = 1024
"""One call of a macro or a block, or of a loop by itself."""
_NODE = 4
"""One node of a loop's body: most take some ten nanoseconds, and not all are passed in each turn."""
_SLOW = 16
"""Times a unit, for filters that work in Python on every character or item."""
_MAX_DEPTH = 100
_MAX_INTEGER_BITS = 1 << 12
_MAX_WIDTH = 1000
_MAX_RANGE_BOUND = 1_000_000

_BODIES = (Macro, BlockReference, LoopContext)
_NUMBERS = (int, float)
_CONTAINERS = (list, tuple, dict, range, KeysView, ValuesView, ItemsView)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (
        str,
        _names(
            "capitalize casefold center count endswith find format format_map index isalnum isalpha "
            "isascii isdecimal isdigit islower isnumeric isspace istitle isupper join ljust lower "
            "lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit "
            "rstrip split splitlines startswith strip swapcase title upper zfill"
        ),
    ),
    (dict, _names("copy get items keys values")),
    (list, _names("copy count index")),
    (tuple, _names("count index")),
    (int, frozenset()),
    (float, _names("is_integer")),
    (type, frozenset()),
)
"""What of Python's own types a template may call."""
_SHALLOW_FILTERS = _names(
    "attr batch count d default first items last length list map random reject rejectattr reverse "
    "select selectattr slice"
)
"""These look at a container, not at what is inside its items."""
_SLOW_FILTERS = _names(
    "dictsort escape e forceescape groupby indent sort title tojson truncate unique urlencode "
    "wordcount"
)
_NO_FILTERS = ("filesizeformat", "pprint", "striptags", "urlize", "wordwrap", "xmlattr")
_WIDE = _names("batch center indent ljust rjust round slice tojson zfill")
"""Filters and methods for which a number is a width."""
_WIDE_PERCENT = re.compile(r"%[^%a-zA-Z]*(\d{4}|\*)")
"""A width of four digits, or one that is read from an argument."""
_WIDE_SPEC = re.compile(r"\d{4}")
_SHALLOW_TESTS = _names(
    "boolean callable defined escaped false filter float integer iterable mapping none number sameas "
    "sequence string test true undefined"
)


class BudgetError(Exception):
    """The template wants more than it may have; the text says of what, for a person."""


class Budget:
    """What is left of one render's units. Any: whatever a template has at hand."""

    def __init__(self, given: Any) -> None:
        self._known: dict[int, tuple[Any, int, int]] = {}
        """By id: the container, which must live as long as its id counts, its size and depth."""
        self._left = sys.maxsize
        self._left = _BASE_UNITS + _UNITS_PER_UNIT_GIVEN * self.size(given)

    def spend(self, units: int) -> None:
        """Raises `BudgetError` when nothing is left."""
        self._left -= units
        if self._left < 0:
            raise BudgetError("the chat template computes or writes too much")

    def size(self, value: Any) -> int:
        """Units of a value with all that is in it. Raises `BudgetError` for what is too deep."""
        return self._measured(value)[0]

    def spend_for(self, *values: Any) -> None:
        """Pay for looking at whole values."""
        units = _STEP
        for value in values:
            units += len(value) if isinstance(value, str) else self.size(value)
        self.spend(units)

    def _measured(self, value: Any) -> tuple[int, int]:
        if isinstance(value, str):
            return len(value), 0
        if not isinstance(value, _CONTAINERS):
            if isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
                raise BudgetError("the chat template computes too large a number")
            return _ITEM, 0
        if isinstance(value, range):
            return _ITEM * len(value), 0
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, *self._measure_items(value))
        return known[1], known[2]

    def _measure_items(self, container: Iterable[Any]) -> tuple[int, int]:
        size = depth = 0
        items = chain.from_iterable(container.items()) if isinstance(container, dict) else container
        for item in items:
            size += _ITEM
            if isinstance(item, str):
                size += len(item)
                continue
            if isinstance(item, Namespace):  # could be changed to hold itself
                raise BudgetError("the chat template puts a namespace into a value")
            item_size, item_depth = self._measured(item)
            size += item_size
            depth = max(depth, item_depth)
        if depth >= _MAX_DEPTH:
            raise BudgetError("the chat template nests values too deep")
        self.spend(_ITEM * len(container) if isinstance(container, Sized) else _ITEM)
        return size, depth + 1


_current: ContextVar[Budget] = ContextVar("budget of the render")


@contextmanager
def budget_for(given: Any) -> Iterator[None]:
    """A render inside pays from a budget that grows with what the template is given.

    Any: JSON values.
    """
    token = _current.set(Budget(given))
    try:
        yield
    finally:
        _current.reset(token)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Compiles templates that must be rendered inside `budget_for`. The signatures are Jinja's."""

    intercepted_binops = frozenset({"+", "-", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        # Nothing is computed while compiling, where nobody would pay.
        super().__init__(optimized=False, finalize=_written, **options)
        for name in _NO_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.add_filters(self.filters)
        tests: Any = self.tests  # Any: typed as the functions they are
        self.tests.update({name: _paying_test(name, test) for name, test in tests.items()})
        self.filters.update(
            {_CONCAT: _concat, _LOOK: _look, _SLICE: _slice, _SPEND: _spend_constant}
        )

    def add_filters(self, filters: dict[str, Callable[..., Any]]) -> None:
        """Have filters that pay for what they are given and for what they return."""
        self.filters.update({name: _paying_filter(name, each) for name, each in filters.items()})

    def template(self, source: str) -> Template:
        """Compile. Raises whatever Jinja and Python do at hostile sources, and `BudgetError`."""
        if len(source) > MAX_SOURCE_CHARS:
            raise BudgetError(f"it is longer than {MAX_SOURCE_CHARS} characters")
        code = self.compile(_Paying().visit(self.parse(source)))
        return self.template_class.from_code(self, code, self.make_globals(None))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, methods in _METHODS:
            if isinstance(obj, kind):
                return attr in methods
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget = _current.get()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            budget.spend(len(left) + len(right))  # first, as the most frequent
        elif isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
            budget.spend_for(left, right)
            if operator == "**":
                _check_power(left, right)
        elif operator == "*":
            sequence, times = (right, left) if isinstance(left, int) else (left, right)
            budget.spend(_length(sequence) * max(1, times if isinstance(times, int) else 1))
        elif operator == "%" and isinstance(left, str):
            _check_format(left, _WIDE_PERCENT)
            budget.spend(budget.size(right) * left.count("%") + len(left))
        else:
            budget.spend(_length(left) + _length(right))
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget = _current.get()
        if isinstance(__obj, _BODIES):
            budget.spend(_MACRO)
            return super().call(__context, __obj, *args, **kwargs)
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str) and __obj.__name__ not in ("format", "format_map"):
            args = _pay_for_text(__obj.__name__, owner, args, kwargs)
        elif isinstance(owner, list | tuple):
            budget.spend_for(owner, *args)
        else:
            budget.spend_for(*args, *kwargs.values())
        if __obj is __self.globals["range"] and any(abs(n) > _MAX_RANGE_BOUND for n in args):
            raise BudgetError("the chat template counts too far")
        result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, list | dict):
            budget.spend_for(result)
        return result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        bound = super().wrap_str_format(value)
        if bound is None:
            return None
        text = value.__self__
        formatter = _BoundedFormatter(self)

        @wraps(bound)
        def format_text(*args: Any, **kwargs: Any) -> str:
            _current.get().spend(_STEP * len(text))
            if value.__name__ == "format_map":
                args, kwargs = (), dict(*args, **kwargs)
            return formatter.vformat(text, args, kwargs)

        return format_text


class _BoundedFormatter(SandboxedFormatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        _check_format(format_spec, _WIDE_SPEC)
        _current.get().spend_for(value)
        return super().format_field(value, format_spec)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        _current.get().spend_for(value)
        return super().convert_field(value, conversion)


# --- what pays -----------------------------------------------------------------------------------

_CONCAT, _LOOK, _SLICE, _SPEND = "~", " look", " slice", " spend"
"""Filters for rewritten templates. No template can write such a name."""


def _length(value: Any) -> int:
    """Units of a value without what is in its items."""
    if isinstance(value, str):
        return len(value)
    return _ITEM * (1 + len(value)) if isinstance(value, Sized) else _ITEM


@pass_context
def _written(_context: Context, value: Any) -> Any:
    budget = _current.get()
    if isinstance(value, str):
        budget.spend(len(value))
        return value
    budget.spend_for(value)
    if isinstance(value, Namespace):
        raise BudgetError("the chat template writes a namespace")
    return value


def _concat(values: list[Any]) -> str:
    _current.get().spend_for(values)
    return "".join(map(str, values))


def _look(value: Any) -> Any:
    if isinstance(value, str):
        _current.get().spend(len(value))
    else:
        _current.get().spend_for(value)
    return value


def _slice(value: Any) -> Any:
    _current.get().spend(_length(value))
    return value


def _spend_constant(units: int) -> bool:
    _current.get().spend(units)
    return True


def _paid_one_by_one(items: Iterator[Any]) -> Iterator[Any]:
    budget = _current.get()
    for item in items:
        budget.spend_for(item)
        yield item


def _paying_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    num_before = 1 if hasattr(function, "jinja_pass_arg") else 0
    weight = _SLOW if name in _SLOW_FILTERS else 1

    @wraps(function)
    def pay_and_filter(*given: Any, **options: Any) -> Any:
        budget = _current.get()
        before, (value, *args) = given[:num_before], given[num_before:]
        if isinstance(value, Iterator):
            value = _paid_one_by_one(value)
        if name in _SHALLOW_FILTERS:
            width = _width(name, args, options)
            budget.spend(_STEP + _ITEM * width)
        elif name in ("join", "replace") or isinstance(value, str):
            value, *args = _pay_for_filtered_text(name, value, args, options, weight)
        else:
            if isinstance(value, Iterator):
                value = list(value)
            if name == "sum" and not all(
                isinstance(start, int | float) for start in [*args[1:], options.get("start", 0)]
            ):
                raise BudgetError("the chat template sums up what are no numbers")
            width = _width(name, args, options)
            inside = budget.size(value)
            budget.spend(_STEP + weight * inside * (1 + width))
            budget.spend_for(*args, *options.values())
        result = function(*before, value, *args, **options)
        if isinstance(result, Iterator):
            return _paid_one_by_one(result)
        budget.spend(_length(result))
        return result

    return pay_and_filter


def _paying_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if name in _SHALLOW_TESTS:
        return function

    @wraps(function)
    def pay_and_test(*given: Any, **options: Any) -> Any:
        _current.get().spend_for(*given, *options.values())
        return function(*given, **options)

    return pay_and_test


def _pay_for_filtered_text(
    name: str, value: Any, args: list[Any], options: dict[str, Any], weight: int
) -> list[Any]:
    """As `_pay_for_text`, for filters: what they are given, with iterators read to their end."""
    if name == "join":
        items = list(value)
        separator = args[0] if args else options.get("d", "")
        _pay_for_text("join", str(separator), (items,), {})
        return [items, *args]
    if name == "format":
        _check_format(str(value), _WIDE_PERCENT)
        _current.get().spend(str(value).count("%") * _current.get().size([*args, options]))
    if name == "replace":
        texts = [str(value), *map(str, args), *map(str, options.values())]
        _pay_for_text(name, texts[0], tuple(texts[1:]), {})
        return [value, *args]
    width = _width(name, args, options)
    budget = _current.get()
    budget.spend(_STEP + weight * len(value) * (1 + (width if name == "indent" else 0)) + width)
    budget.spend_for(*args, *options.values())
    return [value, *args]


def _pay_for_text(
    name: str, text: str, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, ...]:
    """Pay for the method `name` of `text`. Returns its arguments, iterators read to their end."""
    budget = _current.get()
    if name == "join" and args:
        items = list(args[0])
        budget.spend(len(text) * len(items))
        args = (items, *args[1:])
    elif name == "replace" and len(args) > 1 and isinstance(args[0], str):
        budget.spend(len(text) + text.count(args[0]) * _length(args[1]))
    width = _width(name, args, options)
    # Splitting makes an item of what may be one character.
    many = text if name in ("split", "rsplit", "splitlines") else ""
    budget.spend(len(text) + width + _ITEM * len(many) // 4)
    budget.spend_for(*args, *options.values())
    return args


def _width(name: str, args: Iterable[Any], options: dict[str, Any]) -> int:
    """The width that is asked for, 0 if none. Raises `BudgetError` for more than anybody needs."""
    if name not in _WIDE:
        return 0
    width = max((abs(n) for n in (*args, *options.values()) if isinstance(n, int)), default=0)
    if name in ("indent", "tojson"):  # a text is taken as well
        width = max(width, *map(_width_of_texts, (*args, *options.values())), 0)
    if width > _MAX_WIDTH:
        raise BudgetError("the chat template asks for too great a width")
    return width


def _width_of_texts(value: Any) -> int:
    if isinstance(value, tuple | list):
        return max(map(_width_of_texts, value), default=0)
    return len(value) if isinstance(value, str) else 0


def _check_power(base: float, exponent: float) -> None:
    if not isinstance(base, int) or not isinstance(exponent, int):
        return
    if base.bit_length() * abs(exponent) > _MAX_INTEGER_BITS:
        raise BudgetError("the chat template computes too large a number")


def _check_format(text: str, too_wide: re.Pattern[str]) -> None:
    if too_wide.search(text):
        raise BudgetError("the chat template asks for too great a width")


# --- what is rewritten ---------------------------------------------------------------------------


class _Paying(NodeTransformer):
    """Puts filters that pay where Jinja has no hook. Any: Jinja's visitors are not typed."""

    def visit_Concat(self, node: nodes.Concat, *args: Any) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_Compare(self, node: nodes.Compare, *args: Any) -> nodes.Node:
        self.generic_visit(node)
        first = node.ops[0]
        is_quick = _is_short(first.expr) or (_is_short(node.expr) and "in" not in first.op)
        if len(node.ops) > 1 or not is_quick:
            node.expr = _filtered(_LOOK, node.expr)
            for each in node.ops:
                each.expr = _filtered(_LOOK, each.expr)
        return node

    def visit_List(self, node: nodes.List, *args: Any) -> nodes.Node:
        return self._visit_literal(node)

    def visit_Dict(self, node: nodes.Dict, *args: Any) -> nodes.Node:
        return self._visit_literal(node)

    def visit_Tuple(self, node: nodes.Tuple, *args: Any) -> nodes.Node:
        return self._visit_literal(node) if node.ctx == "load" else node

    def _visit_literal(self, node: nodes.Literal) -> nodes.Node:
        self.generic_visit(node)
        return node if _is_short(node) else _filtered(_LOOK, node)

    def visit_Getitem(self, node: nodes.Getitem, *args: Any) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_SLICE, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_For(self, node: nodes.For, *args: Any) -> nodes.Node:
        if node.test is not None:
            node.test = nodes.And(_spending(_STEP, node), self.visit(node.test))
        return self._visit_body(node)

    def visit_Macro(self, node: nodes.Macro, *args: Any) -> nodes.Node:
        return self._visit_body(node)

    def visit_CallBlock(self, node: nodes.CallBlock, *args: Any) -> nodes.Node:
        return self._visit_body(node)

    def visit_Block(self, node: nodes.Block, *args: Any) -> nodes.Node:
        return self._visit_body(node)

    def _visit_body(
        self, node: nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block
    ) -> nodes.Node:
        num_nodes = sum(1 for _ in node.find_all(nodes.Node))
        num_chars = sum(len(each.data) for each in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        spending = _spending(_STEP + _NODE * num_nodes + num_chars, node)
        node.body.insert(0, nodes.ExprStmt(spending, lineno=node.lineno))
        return node


def _is_short(node: nodes.Node) -> bool:
    """True for constants as the template's author wrote them."""
    constants = (nodes.Const, nodes.Literal, nodes.Pair)
    return isinstance(node, constants) and all(map(_is_short, node.iter_child_nodes()))


def _filtered(name: str, node: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _spending(units: int, node: nodes.Node) -> nodes.Filter:
    return _filtered(_SPEND, nodes.Const(units, lineno=node.lineno))
