"""The log of prompts and answers, which only `--log-prompts` enables."""

from __future__ import annotations

import logging

from galop.telemetry.completions import CompletionRecord

logger = logging.getLogger("galop.prompts")


class PromptLog:
    """Logs the messages and the content of each completion. Needs `CompletionRecord.texts`."""

    def started(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""

    def ended(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""
        texts = completion.texts or {}
        answers = ["".join(texts[index]) for index in sorted(texts)]
        messages = [dict(message) for message in completion.request.messages]
        logger.info(
            "%s said: %r; answered: %r",
            completion.request.request_id,
            messages,
            answers,
            extra={
                "request_id": completion.request.request_id,
                "messages": messages,
                "answers": answers,
            },
        )
