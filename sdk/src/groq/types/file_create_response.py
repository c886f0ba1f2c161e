"""The answer to uploading a file."""

from ._file import FileDescription

__all__ = ["FileCreateResponse"]


class FileCreateResponse(FileDescription):
    """The file's name, size and purpose; not its content."""
