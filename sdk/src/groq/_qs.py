"""Query strings as the API reads them: lists joined by commas, objects in brackets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import parse_qs, urlencode

from ._types import Omit

ArrayFormat = Literal["comma", "repeat", "indices", "brackets"]
NestedFormat = Literal["dots", "brackets"]


class Querystring:
    """Writes and reads query strings in one fixed style."""

    def __init__(
        self, *, array_format: ArrayFormat = "comma", nested_format: NestedFormat = "brackets"
    ) -> None:
        self.array_format = array_format
        self.nested_format = nested_format

    def parse(self, query: str) -> Mapping[str, object]:
        return parse_qs(query)

    def stringify(self, params: Mapping[str, object]) -> str:
        """The encoded query; None and not-given values leave no trace."""
        return urlencode(self.stringify_items(params))

    def stringify_items(self, params: Mapping[str, object]) -> list[tuple[str, str]]:
        return [item for key, value in params.items() for item in self._items(key, value)]

    def _items(self, key: str, value: object) -> Iterator[tuple[str, str]]:
        if value is None or isinstance(value, Omit):
            return
        if isinstance(value, Mapping):
            for inner, child in value.items():
                path = f"{key}.{inner}" if self.nested_format == "dots" else f"{key}[{inner}]"
                yield from self._items(path, child)
        elif isinstance(value, (list, tuple)):
            yield from self._list_items(key, list(value))
        else:
            yield key, _primitive(value)

    def _list_items(self, key: str, values: list[object]) -> Iterator[tuple[str, str]]:
        if self.array_format == "comma":
            yield key, ",".join(_primitive(value) for value in values if value is not None)
        else:
            for index, value in enumerate(values):
                suffix = {"repeat": "", "indices": f"[{index}]", "brackets": "[]"}
                yield from self._items(key + suffix[self.array_format], value)


def _primitive(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
