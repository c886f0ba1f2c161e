"""The public surface: every name that programs and packages import, and what importing costs."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import httpx
import pytest

import groq
from groq import AsyncGroq, Groq

PUBLISHED_ALL = [
    "types",
    "__version__",
    "__title__",
    "NoneType",
    "Transport",
    "ProxiesTypes",
    "NotGiven",
    "NOT_GIVEN",
    "not_given",
    "Omit",
    "omit",
    "GroqError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "APIConnectionError",
    "APIResponseValidationError",
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "ConflictError",
    "UnprocessableEntityError",
    "RateLimitError",
    "InternalServerError",
    "Timeout",
    "RequestOptions",
    "Client",
    "AsyncClient",
    "Stream",
    "AsyncStream",
    "Groq",
    "AsyncGroq",
    "file_from_path",
    "BaseModel",
    "DEFAULT_TIMEOUT",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_CONNECTION_LIMITS",
    "DefaultHttpxClient",
    "DefaultAsyncHttpxClient",
    "DefaultAioHttpClient",
]

MODULE_NAMES = {
    "groq.types": """BatchCancelResponse BatchCreateParams BatchCreateResponse BatchListResponse
        BatchRetrieveResponse CompletionUsage CreateEmbeddingResponse Embedding
        EmbeddingCreateParams ErrorObject FileCreateParams FileCreateResponse FileDeleteResponse
        FileInfoResponse FileListResponse FunctionDefinition FunctionParameters Model ModelDeleted
        ModelListResponse audio chat completion_usage shared shared_params""",
    "groq.types.chat": """ChatCompletion ChatCompletionAssistantMessageParam ChatCompletionChunk
        ChatCompletionContentPartImageParam ChatCompletionContentPartParam
        ChatCompletionContentPartTextParam ChatCompletionFunctionCallOptionParam
        ChatCompletionFunctionMessageParam ChatCompletionMessage ChatCompletionMessageParam
        ChatCompletionMessageToolCall ChatCompletionMessageToolCallParam
        ChatCompletionNamedToolChoiceParam ChatCompletionRole ChatCompletionSystemMessageParam
        ChatCompletionTokenLogprob ChatCompletionToolChoiceOptionParam
        ChatCompletionToolMessageParam ChatCompletionToolParam ChatCompletionUserMessageParam
        CompletionCreateParams completion_create_params chat_completion_content_part_image_param
        chat_completion_named_tool_choice_param chat_completion_tool_choice_option_param""",
    "groq.types.chat.chat_completion": """ChatCompletion Choice ChoiceLogprobs McpListTool
        McpListToolTool UsageBreakdown UsageBreakdownModel XGroq XGroqDebug XGroqUsage""",
    "groq.types.chat.chat_completion_chunk": """ChatCompletionChunk Choice ChoiceDelta
        ChoiceDeltaFunctionCall ChoiceDeltaToolCall ChoiceDeltaToolCallFunction ChoiceLogprobs
        XGroq XGroqDebug UsageBreakdown UsageBreakdownModel""",
    "groq.types.chat.chat_completion_message": """Annotation ChatCompletionMessage ExecutedTool
        ExecutedToolBrowserResult ExecutedToolCodeResult ExecutedToolSearchResults FunctionCall""",
    "groq.types.chat.chat_completion_message_tool_call": "ChatCompletionMessageToolCall Function",
    "groq.types.chat.chat_completion_content_part_image_param": "ImageURL",
    "groq.types.chat.completion_create_params": """ResponseFormat SearchSettings CompoundCustom
        ResponseFormatResponseFormatJsonSchema Document FunctionCall Function""",
    "groq.types.completion_usage": """CompletionUsage CompletionTokensDetails
        PromptTokensDetails""",
    "groq.types.audio": """SpeechCreateParams Transcription TranscriptionCreateParams Translation
        TranslationCreateParams""",
    "groq.types.shared": "ErrorObject FunctionDefinition FunctionParameters",
    "groq.types.shared_params": "FunctionDefinition FunctionParameters",
    "groq.types.batch_list_response": """BatchListResponse Data DataErrors DataErrorsData
        DataRequestCounts""",
    "groq.types.batch_create_response": "BatchCreateResponse Errors ErrorsData RequestCounts",
    "groq.resources": """Audio AsyncAudio Batches AsyncBatches Chat AsyncChat Embeddings
        AsyncEmbeddings Files AsyncFiles Models AsyncModels ModelsWithRawResponse
        AsyncFilesWithStreamingResponse""",
    "groq.resources.chat": """Chat AsyncChat Completions AsyncCompletions
        CompletionsWithRawResponse AsyncCompletionsWithStreamingResponse""",
    "groq.resources.chat.completions": "Completions AsyncCompletions",
    "groq.resources.audio": "Speech AsyncSpeech Transcriptions Translations AsyncTranslations",
    "groq._streaming": "Stream AsyncStream SSEDecoder ServerSentEvent",
    "groq._base_client": """APIConnectionError AsyncAPIClient BaseClient Body
        DefaultAsyncHttpxClient DefaultHttpxClient FinalRequestOptions RequestFiles RequestOptions
        ResponseT SyncAPIClient _StreamT _AsyncStreamT make_request_options""",
    "groq._exceptions": "APIError APIStatusError GroqError RateLimitError",
    "groq._models": "BaseModel FinalRequestOptions construct_type build validate_type",
    "groq._types": """Body FileTypes Headers NOT_GIVEN NotGiven Omit Query RequestFiles
        RequestOptions ResponseT Timeout Transport not_given omit SequenceNotStr""",
    "groq._response": """APIResponse AsyncAPIResponse BinaryAPIResponse AsyncBinaryAPIResponse
        StreamedBinaryAPIResponse AsyncStreamedBinaryAPIResponse BaseAPIResponse
        ResponseContextManager to_raw_response_wrapper async_to_streamed_response_wrapper""",
    "groq._utils": "lru_cache is_given is_dict is_mapping maybe_transform required_args",
    "groq._compat": "PYDANTIC_V1 cached_property model_dump",
    "groq._client": "Groq AsyncGroq Client AsyncClient",
    "groq._constants": """DEFAULT_TIMEOUT DEFAULT_MAX_RETRIES DEFAULT_CONNECTION_LIMITS
        RAW_RESPONSE_HEADER INITIAL_RETRY_DELAY MAX_RETRY_DELAY""",
    "groq._qs": "Querystring",
    "groq._files": "to_httpx_file file_from_path",
    "groq._version": "__version__ __title__",
}


def test_every_published_name_is_exported() -> None:
    """`__all__` is complete, sorted, and everything in it exists."""
    assert set(PUBLISHED_ALL) <= set(groq.__all__)
    assert sorted(groq.__all__) == groq.__all__
    for name in groq.__all__:
        assert hasattr(groq, name), name
    assert set(groq.__all__) <= set(dir(groq))


@pytest.mark.parametrize("module", MODULE_NAMES)
def test_every_module_path_has_its_names(module: str) -> None:
    """What packages import by path is there."""
    imported = importlib.import_module(module)

    for name in MODULE_NAMES[module].split():
        assert hasattr(imported, name), f"{module}.{name}"


def test_a_star_import_brings_everything() -> None:
    """Lazy names are no lesser names."""
    namespace: dict[str, Any] = {}
    exec("from groq import *", namespace)

    assert set(groq.__all__) <= set(namespace)


def test_public_classes_say_where_they_are_public() -> None:
    """Tracebacks and pickles name `groq.RateLimitError`, not a private module."""
    for name in ("Groq", "AsyncGroq", "RateLimitError", "Stream", "Timeout", "BaseModel", "Omit"):
        assert getattr(groq, name).__module__ == "groq"


def test_create_is_a_plain_function_and_a_coroutine_function() -> None:
    """Instrumentation looks at exactly this."""
    assert not inspect.iscoroutinefunction(Groq(api_key="k").chat.completions.create)
    assert inspect.iscoroutinefunction(AsyncGroq(api_key="k").chat.completions.create)


def test_the_signature_of_create_names_every_parameter() -> None:
    """And its defaults are NOT_GIVEN itself, which is falsy and not None."""
    from groq.resources.chat.completions import AsyncCompletions, Completions

    parameters = inspect.signature(Completions.create).parameters
    bound = inspect.signature(Completions.create).bind(None, messages=[], model="m")
    bound.apply_defaults()

    assert {"stream_options", "max_completion_tokens", "tools", "seed"} <= set(parameters)
    assert bound.arguments["temperature"] is groq.NOT_GIVEN
    assert not groq.NOT_GIVEN
    assert parameters.keys() == inspect.signature(AsyncCompletions.create).parameters.keys()


def test_params_are_called_like_constructors() -> None:
    """The message types are TypedDicts."""
    from groq.types.chat import ChatCompletionUserMessageParam

    assert ChatCompletionUserMessageParam(role="user", content="x") == {
        "role": "user",
        "content": "x",
    }


def test_unknown_names_are_unknown() -> None:
    """Lazy loading does not make every attribute exist."""
    assert not hasattr(groq, "Grok")
    with pytest.raises(ImportError):
        importlib.import_module("groq.nothing")


def test_the_version_is_that_of_the_distribution() -> None:
    """One number, and it is of the published level."""
    assert groq.__version__ == version("groq")
    assert groq.__version__.startswith("1.7.")


def test_the_aiohttp_client_says_what_is_missing() -> None:
    """An extra that is not installed is named when it is needed, not before."""
    if importlib.util.find_spec("httpx_aiohttp") is not None:
        pytest.skip("the extra is installed")
    with pytest.raises(RuntimeError, match=r"groq\[aiohttp\]"):
        groq.DefaultAioHttpClient()
    assert issubclass(groq.DefaultHttpxClient, httpx.Client)


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_loads_next_to_nothing() -> None:
    """`import groq` pulls in neither httpx nor pydantic."""
    loaded = modules_after("import groq")

    assert not {"httpx", "pydantic", "groq._client"} & loaded


def test_a_client_is_made_without_pydantic() -> None:
    """The models are loaded while the first answer is awaited, not before the first request."""
    loaded = modules_after(
        "from groq import Groq, AsyncGroq\n"
        "Groq(api_key='k').chat.completions.create\n"
        "AsyncGroq(api_key='k').chat.completions.create"
    )

    assert "httpx" in loaded
    assert not {"pydantic", "anyio", "certifi", "asyncio"} & loaded
