"""The served model: ids, weights, context window."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.backends.text import open_model_text
from galop.config.models import ServedModel, served_context_window, served_model
from galop.config.settings import SettingError
from galop.config.sources import configure
from galop.library.embedded import embedded_model_path
from galop.tuning.stored import TunedWeights

_KEY = b"llama.context_length"
_UINT32 = (4).to_bytes(4, "little")
"""The type of the value (gguf.md, enum gguf_metadata_value_type)."""


@pytest.mark.model
def test_a_model_trained_on_less_is_served_with_less(tmp_path: Path) -> None:
    """Also where only its vocabulary is loaded, which is how the server reads it."""
    path = tmp_path / "short.gguf"
    data = embedded_model_path().read_bytes()
    trained, patched = ((length).to_bytes(4, "little") for length in (8192, 512))
    assert data.count(_KEY + _UINT32 + trained) == 1
    path.write_bytes(data.replace(_KEY + _UINT32 + trained, _KEY + _UINT32 + patched))
    configuration = configure({"model": str(path)}, {})
    text = open_model_text(served_model(configuration).source)
    assert served_context_window(configuration, text.training_context) == 512


@pytest.mark.parametrize(
    ("asked", "trained", "served"),
    [(None, 512, 512), (None, 0, 8192), ("300", 512, 300), ("512", 512, 512), ("999", 0, 999)],
)
def test_the_window_is_what_was_asked_for_as_far_as_the_model_was_trained(
    asked: str | None, trained: int, served: int
) -> None:
    """Zero: its file does not say."""
    configuration = configure({"context_window": asked}, {})
    assert served_context_window(configuration, trained) == served


def test_a_window_that_the_model_was_not_trained_for_is_refused_by_name() -> None:
    """As what the operator wrote."""
    configuration = configure({}, {"GALOP_CONTEXT_WINDOW": "9000"})
    with pytest.raises(SettingError, match=r"GALOP_CONTEXT_WINDOW.*9000 tokens.*8192"):
        served_context_window(configuration, 8192)


@pytest.mark.parametrize(
    ("path", "weights"), [(Path("/cache/q8_0.gguf"), "/cache/q8_0.gguf"), (None, "m.gguf")]
)
def test_the_engine_loads_the_converted_file_if_there_is_one(
    path: Path | None, weights: str
) -> None:
    """The model's own file stays the source of vocabulary and template."""
    tuned = TunedWeights(
        format_name="Q8_0", tuned_on="2026-11-23", path=path, digest="", threads_by_rows={}
    )
    model = ServedModel(source="m.gguf", name="m", tuned=tuned)
    assert model.weights == weights
    assert model.path == Path("m.gguf")


def test_the_id_is_the_name_of_the_file_unless_one_is_given(tmp_path: Path) -> None:
    """In lower case, without its ending."""
    path = tmp_path / "Some-Model.Q8_0.gguf"
    path.touch()
    flags = {"model": str(path), "tuned": False}
    assert served_model(configure(flags, {})).name == "some-model.q8_0"
    assert served_model(configure({**flags, "model_name": "mine"}, {})).name == "mine"


def test_an_alias_may_name_the_model_or_another_alias() -> None:
    """It stands for the model."""
    configuration = configure({"model": "scripted:x", "alias": ["a=scripted", "b=a"]}, {})
    assert served_model(configuration).aliases == {"a": "scripted", "b": "scripted"}


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("a", "is not NAME=MODEL"),
        ("=scripted", "is not NAME=MODEL"),
        ("a=other", "is not served here"),
        ("scripted=scripted", "is the model itself"),
    ],
)
def test_an_alias_that_names_nothing_is_refused(alias: str, reason: str) -> None:
    """By the flag that gave it."""
    configuration = configure({"model": "scripted:x", "alias": [alias]}, {})
    with pytest.raises(SettingError, match=f"--alias: .*{reason}"):
        served_model(configuration)


def test_a_file_that_does_not_exist_is_refused() -> None:
    """Before anything is loaded."""
    with pytest.raises(SettingError, match="--model: no such file: /no/model.gguf"):
        served_model(configure({"model": "/no/model.gguf"}, {}))
