"""The characters of JSON strings, as UTF-8: where they end, and what completes one that has begun.

A character is written as itself or as an escape; two `\\u` escapes of surrogates are one character.
The functions expect the beginning of a valid JSON string (RFC 8259, section 7).
"""

from __future__ import annotations

import json
import re
from itertools import product

QUOTE = ord('"')

_CHARACTER = (
    rb"\\[^u]"
    rb"|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[0-9A-Fa-f]{4}"
    rb"|\\u(?![dD][89abAB])[0-9A-Fa-f]{4}"
    rb"|[\xc0-\xdf][\x80-\xbf]"
    rb"|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf7][\x80-\xbf]{3}"
)
"""All but ASCII characters that stand for themselves."""
_CHARACTERS = re.compile(rb"(?s)(?:[\x00-!#-\[\]-\x7f]++|" + _CHARACTER + rb")*+")
_ONE_CHARACTER = re.compile(rb"(?s)[\x00-!#-\[\]-\x7f]|" + _CHARACTER)


def end_of_characters(text: bytes) -> int:
    """The size of the whole characters at the start of `text`.

    There follows the closing quote, the beginning of one more character, or nothing.
    """
    found = _CHARACTERS.match(text)
    assert found is not None, "no character at all is a match"
    return found.end()


def num_characters(text: bytes) -> int:
    """The number of characters in a text of whole characters."""
    return len(_ONE_CHARACTER.findall(text))


def pending_character(text: bytes) -> bytes:
    """The beginning of a character or escape at the end of a text without closing quote."""
    return text[end_of_characters(text) :]


def completion(pending: bytes) -> bytes:
    """The bytes that complete the beginning of a character or escape; b"" if there is none."""
    if not pending:
        return b""
    if pending[:1] != b"\\":
        return _utf8_completion(pending)
    if len(pending) == 1:
        return b"n"
    if len(pending) < 6:
        return _hexadecimal_completion(pending[2:])
    return b"\\udc00"[len(pending) - 6 :]


def name_of(raw: bytes) -> bytes:
    """The name, as UTF-8, that `raw` stands for: the text of a key between its quotes."""
    if b"\\" not in raw:
        return raw
    name: str = json.loads(b'"' + raw + b'"')
    return name.encode()


def fresh_suffix(raw: bytes, taken: frozenset[bytes]) -> bytes:
    """The fewest lower-case letters that make `raw`, the beginning of a key, a name not in `taken`."""
    name = name_of(raw)
    size = 0
    while True:
        for letters in product(b"abcdefghijklmnopqrstuvwxyz", repeat=size):
            if name + bytes(letters) not in taken:
                return bytes(letters)
        size += 1


def _hexadecimal_completion(digits: bytes) -> bytes:
    """The rest of a `\\u` escape with these hexadecimal digits, and the low surrogate if it needs one."""
    missing = b"0" * (4 - len(digits))
    # A second digit from 8 on already makes it a surrogate. Other beginnings get zeros.
    is_surrogate = digits[:1] in (b"d", b"D") and digits[1:2] >= b"8"
    return missing + b"\\udc00" if is_surrogate else missing


def _utf8_completion(pending: bytes) -> bytes:
    """The lowest continuation bytes that complete a character (Unicode 16.0, table 3-7)."""
    lead = pending[0]
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    second = {0xE0: b"\xa0", 0xF0: b"\x90"}.get(lead, b"\x80")
    lowest = second + b"\x80\x80"
    return lowest[len(pending) - 1 : size - 1]
