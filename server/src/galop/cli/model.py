"""The option --model: which file it means."""

from __future__ import annotations

from pathlib import Path

import typer


def resolve_model(model: str | None) -> str:
    """The path of the model file, checked to exist."""
    if model is not None and model.startswith("scripted:"):
        return model
    if model is None:
        from galop.app.embedded import EmbeddedModelMissingError, embedded_model_path

        try:
            return str(embedded_model_path())
        except EmbeddedModelMissingError as error:
            typer.echo(f"galop: {error}", err=True)
            raise typer.Exit(1) from None
    if not Path(model).is_file():
        raise typer.BadParameter(f"no such file: {model}", param_hint="--model")
    return model
