"""Files that are not models are refused before llama.cpp reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from galop.backends.llama.errors import ModelError
from galop.backends.llama.model import LlamaModel
from galop.library.embedded import embedded_model_path

pytestmark = pytest.mark.model


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (b"hello, I am a text file, not a model", "not a GGUF model"),
        (struct.pack("<4sIQQ", b"GGUF", 99, 1, 1), "version 99"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 1 << 60, 1), "tensors"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 5, 5) + b"\xff" * 200, "gguf"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """The error names the file and the reason."""
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason) as caught:
        LlamaModel(path)
    assert str(path) in str(caught.value)


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    """As after an interrupted download."""
    path = tmp_path / "half.gguf"
    path.write_bytes(embedded_model_path().read_bytes()[: 20 * 1024 * 1024])
    with pytest.raises(ModelError, match=str(path)):
        LlamaModel(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The reason is that of the operating system."""
    with pytest.raises(ModelError, match="No such file"):
        LlamaModel(tmp_path / "nothing.gguf")
