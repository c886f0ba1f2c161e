"""The same names, under the path of the published client's inner module."""

from . import *  # noqa: F403  # a mirror, by purpose
