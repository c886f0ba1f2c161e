"""The answer to looking up a file."""

from ._file import FileDescription

__all__ = ["FileInfoResponse"]


class FileInfoResponse(FileDescription):
    """The file's name, size and purpose; not its content."""
