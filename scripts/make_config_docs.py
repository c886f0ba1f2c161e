"""Makes docs/configuration.md and deploy/galop.toml: tables made from the settings, words kept here.

Run `make docs` after changing `galop.config.settings`; a test compares the
committed files with what this makes.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from pathlib import Path

from galop.cli.config import toml_value
from galop.config.settings import SETTINGS, Setting

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "deploy" / "galop.toml"

TEMPLATE = """\
<!-- Made by scripts/make_config_docs.py: change that, or galop.config.settings, not this page. -->

# Configuration

Every setting is a flag of `galop serve`, an environment variable, and a key of `galop.toml`: the
setting `max_waiting` is `--max-waiting`, `GALOP_MAX_WAITING` and `max_waiting`. A flag overrides a
variable, a variable the file, the file the default.

```toml
# galop.toml
port = 9000
alias = ["my-model=smollm2-135m-instruct"]
```

- The file is the one named by `--config` or `GALOP_CONFIG`, else `galop.toml` in the working
  directory. All keys are at the top level. Relative paths start at the working directory.
- An unknown key, or a value of the wrong type or out of range, ends the command with exit code 2 and one
  message that names the file and the key, and suggests a similar key if there is one. An unknown variable
  `GALOP_...` is only a warning: other programs may set such variables.
- An empty value is refused, except for lists: an empty address would mean all addresses.
- In variables, switches are `1`/`0`, `true`/`false`, `yes`/`no` or `on`/`off`, and lists are separated
  by commas. On the command line a switch is `--tuned` or `--no-tuned`, and the flag of a list is given
  once for every entry.
- `galop config check` says whether `galop serve` would accept all this, without serving.
  `galop config show` prints every setting in force and where it comes from; secrets are not shown.

[deploy/galop.toml](../deploy/galop.toml) is a file with every setting, to start from.
"""


def page() -> str:
    """docs/configuration.md."""
    return TEMPLATE + "".join(f"\n## {section}\n\n{table}\n" for section, table in _tables())


def example() -> str:
    """deploy/galop.toml: every setting, commented out at its default."""
    parts = ["# Every setting of galop serve at its default. See docs/configuration.md.\n"]
    for section, settings in _sections():
        parts.append(f"\n# {section}\n")
        parts += [_example_entry(setting) for setting in settings]
    return "".join(parts)


def _sections() -> list[tuple[str, list[Setting]]]:
    return [
        (section, list(rows))
        for section, rows in groupby(SETTINGS.values(), lambda row: row.section)
    ]


def _tables() -> list[tuple[str, str]]:
    head = "| key | value | default | what it does |\n|---|---|---|---|\n"
    return [(section, head + "\n".join(map(_row, settings))) for section, settings in _sections()]


def _row(setting: Setting) -> str:
    kind = setting.metavar.replace("|", " or ")
    if setting.is_switch:
        kind = "true or false"
    elif setting.is_list:
        kind = f"list of {kind}"
    if setting.bounds:
        kind = f"{kind}, {setting.bounds}"
    default = "" if setting.default is None else f"`{toml_value(setting.default)}`"
    return f"| `{setting.name}` | {kind} | {default} | {setting.description} |"


def _example_entry(setting: Setting) -> str:
    text = textwrap.fill(setting.description, 96, initial_indent="# ", subsequent_indent="# ")
    placeholder = "4" if setting.is_whole_number else f'"{setting.metavar}"'
    value = placeholder if setting.default is None else toml_value(setting.default)
    return f"\n{text}\n# {setting.name} = {value}\n"
