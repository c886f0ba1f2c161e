"""Groups of commands that list their commands in the order of definition; click sorts them by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class OrderedGroup(click.Group):
    """A group that lists its commands in the order of definition."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return list(self.commands)


class LazyGroup(click.Group):
    """A group that imports a command when it is run, completed or listed.

    `sources` maps the name of a command to `module:attribute`, in the order of the help text.
    """

    def __init__(
        self, *, sources: Mapping[str, str], **attributes: Any
    ) -> None:  # Any: click's own
        super().__init__(**attributes)
        self._sources = sources

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return list(self._sources)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The imported command, None for an unknown name."""
        if cmd_name not in self._sources:
            return None
        module, _, attribute = self._sources[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with. Raises `NoSuchCommand`, which suggests similar names."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(
                error.command_name, possibilities=self._sources, ctx=ctx
            ) from None
