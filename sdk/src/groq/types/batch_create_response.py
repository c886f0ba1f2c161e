"""The answer to creating a batch."""

from ._batch import Batch, Errors, ErrorsData, RequestCounts

__all__ = ["BatchCreateResponse", "Errors", "ErrorsData", "RequestCounts"]


class BatchCreateResponse(Batch):
    """The batch as it is now."""
