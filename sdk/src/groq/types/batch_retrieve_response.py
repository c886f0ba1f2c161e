"""The answer to retrieving a batch."""

from ._batch import Batch, Errors, ErrorsData, RequestCounts

__all__ = ["BatchRetrieveResponse", "Errors", "ErrorsData", "RequestCounts"]


class BatchRetrieveResponse(Batch):
    """The batch as it is now."""
