"""Name and version of the distribution. The number follows the published API level, see README."""

__title__ = "groq"
__version__ = "1.7.0"
