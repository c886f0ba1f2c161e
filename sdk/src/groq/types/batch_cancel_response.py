"""The answer to cancelling a batch."""

from ._batch import Batch, Errors, ErrorsData, RequestCounts

__all__ = ["BatchCancelResponse", "Errors", "ErrorsData", "RequestCounts"]


class BatchCancelResponse(Batch):
    """The batch as it is now."""
