"""The batches of an account."""

from typing import Literal

from .._models import BaseModel
from ._batch import Batch
from ._batch import Errors as DataErrors
from ._batch import ErrorsData as DataErrorsData
from ._batch import RequestCounts as DataRequestCounts

__all__ = [
    "BatchListResponse",
    "Data",
    "DataErrors",
    "DataErrorsData",
    "DataRequestCounts",
]


class Data(Batch):
    """One batch of the list."""


class BatchListResponse(BaseModel):
    data: list[Data]
    object: Literal["list"]
