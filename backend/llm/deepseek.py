"""DeepSeek over langchain-openai: one request an ask, one total deadline, one JSON object back.

Nothing reaches the caller but an `Answer` or a `ModelUnavailable`, whose sentence holds neither the key nor a word of the
prompt or of the answer. Nothing leaves for anywhere but `base_url`: proxies of the environment and redirects are not
followed, and a call is never traced.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langsmith import tracing_context  # pyright: ignore[reportUnknownVariableType]  # its types are partly open

from backend.egress import check_model_url
from backend.errors import ModelAnswerUnusable, ModelCallFailed, ModelSwitchedOff, SettingRefused
from backend.llm.answers import read_object
from backend.llm.prices import Usage, cost_usd
from backend.ports import Answer, Model, Prompt, Tier

MODELS: Final[Mapping[Tier, str]] = {"standard": "deepseek-v4-flash", "deep": "deepseek-v4-pro"}
_JSON_MODE: Final = {"response_format": {"type": "json_object"}}
# Both models think unless told otherwise, and bill it as output.
_OPTIONS: Final[Mapping[Tier, dict[str, Any]]] = {"standard": {"thinking": {"type": "disabled"}}, "deep": {}}
_NO_COMPLETION: Final = "the response is no chat completion"
# What openai and langchain raise when a response has another shape than they read.
_MISREAD: Final = (openai.OpenAIError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class DeepSeek:
    """Makes models that ask DeepSeek; one HTTP client serves them all until `aclose`.

    Without an `api_key` every ask raises ModelSwitchedOff. `kill_switch` is read at each ask. `deadline_s` bounds a whole
    call in seconds, because a server that sends a blank line now and then never times out between two bytes.

    Raises:
        SettingRefused: prompts may not be sent to `base_url`, or `api_key` fits no HTTP header.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str,
        deadline_s: float,
        kill_switch: Callable[[], bool],
    ) -> None:
        self._api_key = _checked_key(api_key)
        self._base_url = _checked_url(base_url)
        self._deadline_s = deadline_s
        self._kill_switch = kill_switch
        self._http = openai.DefaultAsyncHttpxClient(trust_env=False, follow_redirects=False)

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model of `tier`."""
        return _DeepSeekModel(MODELS[tier], self._chat(tier), self._deadline_s, self._why_off)

    async def aclose(self) -> None:
        """Close the connections; a model made here and asked afterwards is switched off."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()

    def _chat(self, tier: Tier) -> ChatOpenAI:
        async def api_key() -> str:  # only async, so that ChatOpenAI makes no synchronous client beside the shared one
            return self._api_key

        return ChatOpenAI(
            model=MODELS[tier],
            api_key=api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=None,  # `asyncio.timeout` is the one deadline
            http_async_client=self._http,
            openai_proxy=None,
            extra_body=_JSON_MODE | _OPTIONS[tier],  # as a named argument it would take the SDK's schema-parsing path
            cache=False,
        )

    def _why_off(self) -> str | None:
        if self._kill_switch():
            return "LLM_KILL_SWITCH is on"
        if self._http.is_closed:
            return "the service is shutting down"
        return None if self._api_key else "DEEPSEEK_API_KEY is not set"


class _DeepSeekModel:
    """One tier's model."""

    def __init__(self, name: str, chat: ChatOpenAI, deadline_s: float, why_off: Callable[[], str | None]) -> None:
        self._name = name
        self._chat = chat
        self._deadline_s = deadline_s
        self._why_off = why_off

    async def ask(self, prompt: Prompt) -> Answer:
        """Make at most one request, within the total deadline."""
        if why := self._why_off():
            raise ModelSwitchedOff(why)
        message = await self._request(prompt)
        usage = _read_usage(message)
        answered_by = str(message.response_metadata.get("model_name") or self._name)
        return Answer(
            content=read_object(str(message.text)),
            model=answered_by,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=cost_usd(usage, asked=self._name, answered_by=answered_by),
        )

    async def _request(self, prompt: Prompt) -> AIMessage:
        messages = [SystemMessage(f"Prompt: {prompt.name}\n\n{prompt.system}"), HumanMessage(prompt.user)]
        try:
            with tracing_context(enabled=False):
                async with asyncio.timeout(self._deadline_s):
                    # The empty list keeps out the tracer a surrounding graph would hand down.
                    return await self._chat.ainvoke(messages, {"callbacks": []})
        except TimeoutError:
            what = f"no whole answer within {self._deadline_s:g} s"
        except openai.APIStatusError as error:
            what = f"the server answered with HTTP {error.status_code}"
        except openai.APIConnectionError:
            what = "the connection could not be made or broke off"
        except UnicodeEncodeError:
            what = "the prompt holds half of a surrogate pair, so nothing was sent"
        except _MISREAD:
            raise ModelAnswerUnusable(_NO_COMPLETION) from None
        raise ModelCallFailed(what)


def _checked_key(api_key: str | None) -> str:
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise SettingRefused("DEEPSEEK_API_KEY", "holds characters no HTTP header can carry")  # noqa: EM101  # a name
    return key


def _checked_url(base_url: str) -> str:
    try:
        return check_model_url(base_url)
    except ValueError as error:
        raise SettingRefused("DEEPSEEK_BASE_URL", str(error)) from None  # noqa: EM101  # the variable's name


def _read_usage(message: AIMessage) -> Usage:
    reported: Mapping[str, Any] = message.response_metadata.get("token_usage") or {}
    details: Mapping[str, Any] = reported.get("prompt_tokens_details") or {}
    return Usage(
        input_tokens=_count(reported.get("prompt_tokens")),
        cached_tokens=_count(reported.get("prompt_cache_hit_tokens", details.get("cached_tokens"))),
        output_tokens=_count(reported.get("completion_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
