"""Calls of functions: how model families write them, prompts that offer them, answers that hold them.

The rest of the room uses `Toolbox` (one request's tools), `ToolFamily` and `family_of`.
"""

from galop.chat.tools.families import ToolFamily, family_of
from galop.chat.tools.toolbox import Toolbox

__all__ = ["ToolFamily", "Toolbox", "family_of"]
