"""DeepSeek over langchain-openai: one request an ask, one total deadline, one JSON object back.

Nothing reaches the caller but an `Answer` or a `ModelUnavailable`, whose sentence holds neither the key nor a word of the
prompt or of the answer. Nothing leaves for anywhere but `base_url`: proxies of the environment and redirects are not
followed, and a call is never traced.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langsmith import tracing_context  # pyright: ignore[reportUnknownVariableType]  # its types are partly open

from backend.egress import check_model_url, is_loopback
from backend.errors import ModelAnswerUnusable, ModelCallFailed, ModelSwitchedOff, SettingRefused
from backend.llm.answers import read_object
from backend.llm.completion import CUT_OFF, read_usage
from backend.llm.prices import Price, cost_usd
from backend.llm.transport import ModelTransport
from backend.ports import Answer, Clock, Model, Prompt, Tier

MAX_OUTPUT_TOKENS: Final[Mapping[Tier, int]] = {"standard": 2_000, "deep": 16_000}
"""Several times the longest email in any script, so that only a runaway answer is cut, and costs a quarter of a cent at most;
`deep` thinks before it answers, and its thoughts count."""
TEMPERATURE: Final = 0.7
"""Below DeepSeek's default of 1, because an email keeps to its facts and JSON to its shape; above 0, because a version that a
person sent back has to come out otherwise. `deep` takes it and, thinking, makes nothing of it."""

# Both models think unless told otherwise, and bill it as output.
_THINKING: Final[Mapping[Tier, dict[str, Any]]] = {"standard": {"thinking": {"type": "disabled"}}, "deep": {}}


@dataclass(frozen=True, slots=True)
class PricedModel:
    """A model by the name it is asked under; a model on loopback may go without a price and then bills nothing."""

    name: str
    price: Price | None


class DeepSeek:
    """Makes models that ask DeepSeek; one HTTP client serves them all until `aclose`.

    Without an `api_key` every ask raises ModelSwitchedOff. `kill_switch` is read at each ask. `deadline_s` bounds a whole
    call in seconds, because a server that sends a blank line now and then never times out between two bytes. `clock` says
    which rate an answer is billed at.

    Raises:
        SettingRefused: prompts may not be sent to `base_url`, `api_key` fits no HTTP header, or DeepSeek is to be asked for a
            model without a price.
    """

    def __init__(  # noqa: PLR0913  # one argument a fact of the server, and a clock
        self,
        *,
        api_key: str | None,
        base_url: str,
        models: Mapping[Tier, PricedModel],
        deadline_s: float,
        kill_switch: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._api_key = _checked_key(api_key)
        self._base_url = _checked_url(base_url)
        self._is_local = is_loopback(urlsplit(base_url).hostname or "")
        self._models = models if self._is_local else _checked_prices(models)
        self._deadline_s = deadline_s
        self._kill_switch = kill_switch
        self._clock = clock
        self._http = httpx2.AsyncClient(transport=ModelTransport(self._api_key), trust_env=False, follow_redirects=False)

    def __call__(self, *, tier: Tier) -> Model:
        """Return the model of `tier`."""
        return _DeepSeekModel(
            asked=self._models[tier],
            chat=self._chat(tier),
            max_output_tokens=MAX_OUTPUT_TOKENS[tier],
            deadline_s=self._deadline_s,
            why_off=self._why_off,
            is_local=self._is_local,
            clock=self._clock,
        )

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
            model=self._models[tier].name,
            api_key=api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=None,  # `asyncio.timeout` is the one deadline
            http_async_client=self._http,
            http_socket_options=(),
            openai_proxy=None,
            use_responses_api=False,
            output_version="v0",
            # As named arguments they would take the SDK's schema-parsing path, or leave under newer names.
            extra_body={
                "response_format": {"type": "json_object"},
                "max_tokens": MAX_OUTPUT_TOKENS[tier],
                "temperature": TEMPERATURE,
                **_THINKING[tier],
            },
            cache=False,
        )

    def _why_off(self) -> str | None:
        if self._kill_switch():
            return "LLM_KILL_SWITCH is on"
        if self._http.is_closed:
            return "the service is shutting down"
        return None if self._api_key else "DEEPSEEK_API_KEY is not set"


@dataclass(frozen=True, slots=True)
class _DeepSeekModel:
    """One tier's model."""

    asked: PricedModel
    chat: ChatOpenAI
    max_output_tokens: int
    deadline_s: float
    why_off: Callable[[], str | None]
    is_local: bool
    clock: Clock

    async def ask(self, prompt: Prompt) -> Answer:
        """Make at most one request, within the total deadline."""
        if why := self.why_off():
            raise ModelSwitchedOff(why)
        message = await self._request(prompt)
        text, answer = str(message.text), self._without_content(message)
        if message.response_metadata["finish_reason"] == CUT_OFF:
            why = f"it was cut off after {self.max_output_tokens} tokens"
            raise answer.refused(why, words=text)
        try:
            return replace(answer, content=read_object(text))
        except ModelAnswerUnusable as unusable:
            raise answer.refused(unusable.why, words=text) from None

    async def _request(self, prompt: Prompt) -> AIMessage:
        messages = [SystemMessage(f"Prompt: {prompt.name}\n\n{prompt.system}"), HumanMessage(prompt.user)]
        try:
            with tracing_context(enabled=False):
                async with asyncio.timeout(self.deadline_s):
                    # The empty list keeps out the tracer a surrounding graph would hand down.
                    return await self.chat.ainvoke(messages, {"callbacks": []})
        except TimeoutError:
            why = f"no whole answer within {self.deadline_s:g} s"
        except openai.APIStatusError as error:
            why = f"the server answered with HTTP {error.status_code}"
        except openai.APIConnectionError:
            why = "the connection could not be made or broke off"
        except UnicodeEncodeError:
            why = "the prompt holds half of a surrogate pair, so nothing was sent"
        raise ModelCallFailed(why)

    def _without_content(self, message: AIMessage) -> Answer:
        """Read what `message` took, and by whom it was written."""
        usage = read_usage(message.response_metadata["token_usage"])
        answered_by = message.response_metadata["model_name"] or self.asked.name
        price = self.asked.price if not self.is_local or answered_by.startswith("deepseek") else None
        return Answer(
            content={},
            model=answered_by,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=cost_usd(usage, price, self.clock.now()) if price else 0.0,
        )


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


def _checked_prices(models: Mapping[Tier, PricedModel]) -> Mapping[Tier, PricedModel]:
    if unpriced := sorted(model.name for model in models.values() if model.price is None):
        raise SettingRefused("MODEL_PRICES", f"holds no price for {unpriced[0]!r}")  # noqa: EM101  # the variable's name
    return models
