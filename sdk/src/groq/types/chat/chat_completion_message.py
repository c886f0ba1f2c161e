"""A message written by the model."""

from typing import ClassVar, Literal

from ..._models import BaseModel
from .chat_completion_message_tool_call import ChatCompletionMessageToolCall

__all__ = [
    "Annotation",
    "AnnotationDocumentCitation",
    "AnnotationFunctionCitation",
    "ChatCompletionMessage",
    "ExecutedTool",
    "ExecutedToolBrowserResult",
    "ExecutedToolCodeResult",
    "ExecutedToolCodeResultChart",
    "ExecutedToolCodeResultChartElement",
    "ExecutedToolSearchResults",
    "ExecutedToolSearchResultsResult",
    "FunctionCall",
]


class AnnotationDocumentCitation(BaseModel):
    document_id: str
    end_index: int
    start_index: int


class AnnotationFunctionCitation(BaseModel):
    end_index: int
    start_index: int
    tool_call_id: str


class Annotation(BaseModel):
    """A source for a part of the content."""

    type: Literal["document_citation", "function_citation"]
    document_citation: AnnotationDocumentCitation | None = None
    function_citation: AnnotationFunctionCitation | None = None


class ExecutedToolBrowserResult(BaseModel):
    title: str
    url: str
    content: str | None = None
    live_view_url: str | None = None


class ExecutedToolCodeResultChartElement(BaseModel):
    label: str
    angle: float | None = None
    first_quartile: float | None = None
    group: str | None = None
    max: float | None = None
    median: float | None = None
    min: float | None = None
    outliers: list[float] | None = None
    points: list[list[float]] | None = None
    radius: float | None = None
    third_quartile: float | None = None
    value: float | None = None


class ExecutedToolCodeResultChart(BaseModel):
    elements: list[ExecutedToolCodeResultChartElement]
    type: Literal["bar", "box_and_whisker", "line", "pie", "scatter", "superchart", "unknown"]
    title: str | None = None
    x_label: str | None = None
    x_scale: str | None = None
    x_tick_labels: list[str] | None = None
    x_ticks: list[float] | None = None
    x_unit: str | None = None
    y_label: str | None = None
    y_scale: str | None = None
    y_tick_labels: list[str] | None = None
    y_ticks: list[float] | None = None
    y_unit: str | None = None


class ExecutedToolCodeResult(BaseModel):
    chart: ExecutedToolCodeResultChart | None = None
    charts: list[ExecutedToolCodeResultChart] | None = None
    png: str | None = None
    text: str | None = None


class ExecutedToolSearchResultsResult(BaseModel):
    content: str | None = None
    score: float | None = None
    title: str | None = None
    url: str | None = None


class ExecutedToolSearchResults(BaseModel):
    images: list[str] | None = None
    results: list[ExecutedToolSearchResultsResult] | None = None


class ExecutedTool(BaseModel):
    """A tool that the server ran by itself."""

    arguments: str
    index: int
    type: str
    browser_results: list[ExecutedToolBrowserResult] | None = None
    code_results: list[ExecutedToolCodeResult] | None = None
    output: str | None = None
    search_results: ExecutedToolSearchResults | None = None


class FunctionCall(BaseModel):
    """The older form of a tool call."""

    arguments: str
    name: str


class ChatCompletionMessage(BaseModel):
    """May be appended to `messages` as it is.

    What a request may not contain (`annotations`, `executed_tools`, fields this version does not
    know) stays behind when it is sent; `reasoning` is sent.
    """

    __request_fields__: ClassVar[frozenset[str] | None] = frozenset(
        {"role", "content", "name", "tool_calls", "function_call", "reasoning"}
    )

    content: str | None = None
    role: Literal["assistant"]
    annotations: list[Annotation] | None = None
    executed_tools: list[ExecutedTool] | None = None
    function_call: FunctionCall | None = None
    reasoning: str | None = None
    tool_calls: list[ChatCompletionMessageToolCall] | None = None
