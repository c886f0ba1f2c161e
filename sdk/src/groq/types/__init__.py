"""Types of requests and answers. Every name is loaded on first touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from . import audio as audio
    from . import chat as chat
    from . import shared as shared
    from . import shared_params as shared_params
    from .batch_cancel_response import BatchCancelResponse
    from .batch_create_params import BatchCreateParams
    from .batch_create_response import BatchCreateResponse
    from .batch_list_response import BatchListResponse
    from .batch_retrieve_response import BatchRetrieveResponse
    from .completion_usage import CompletionUsage
    from .create_embedding_response import CreateEmbeddingResponse
    from .embedding import Embedding
    from .embedding_create_params import EmbeddingCreateParams
    from .file_create_params import FileCreateParams
    from .file_create_response import FileCreateResponse
    from .file_delete_response import FileDeleteResponse
    from .file_info_response import FileInfoResponse
    from .file_list_response import FileListResponse
    from .model import Model
    from .model_deleted import ModelDeleted
    from .model_list_response import ModelListResponse
    from .shared.error_object import ErrorObject
    from .shared.function_definition import FunctionDefinition
    from .shared.function_parameters import FunctionParameters

_EXPORTS = {
    "audio": "",
    "chat": "",
    "shared": "",
    "shared_params": "",
    "BatchCancelResponse": "batch_cancel_response",
    "BatchCreateParams": "batch_create_params",
    "BatchCreateResponse": "batch_create_response",
    "BatchListResponse": "batch_list_response",
    "BatchRetrieveResponse": "batch_retrieve_response",
    "CompletionUsage": "completion_usage",
    "CreateEmbeddingResponse": "create_embedding_response",
    "Embedding": "embedding",
    "EmbeddingCreateParams": "embedding_create_params",
    "FileCreateParams": "file_create_params",
    "FileCreateResponse": "file_create_response",
    "FileDeleteResponse": "file_delete_response",
    "FileInfoResponse": "file_info_response",
    "FileListResponse": "file_list_response",
    "Model": "model",
    "ModelDeleted": "model_deleted",
    "ModelListResponse": "model_list_response",
    "ErrorObject": "shared.error_object",
    "FunctionDefinition": "shared.function_definition",
    "FunctionParameters": "shared.function_parameters",
    "batch_cancel_response": "",
    "batch_create_params": "",
    "batch_create_response": "",
    "batch_list_response": "",
    "batch_retrieve_response": "",
    "completion_usage": "",
    "create_embedding_response": "",
    "embedding": "",
    "embedding_create_params": "",
    "file_create_params": "",
    "file_create_response": "",
    "file_delete_response": "",
    "file_info_response": "",
    "file_list_response": "",
    "model": "",
    "model_deleted": "",
    "model_list_response": "",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "BatchCancelResponse",
    "BatchCreateParams",
    "BatchCreateResponse",
    "BatchListResponse",
    "BatchRetrieveResponse",
    "CompletionUsage",
    "CreateEmbeddingResponse",
    "Embedding",
    "EmbeddingCreateParams",
    "ErrorObject",
    "FileCreateParams",
    "FileCreateResponse",
    "FileDeleteResponse",
    "FileInfoResponse",
    "FileListResponse",
    "FunctionDefinition",
    "FunctionParameters",
    "Model",
    "ModelDeleted",
    "ModelListResponse",
]
