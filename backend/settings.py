"""The environment, read once and frozen. Only the composition root imports this module.

A blank variable counts as unset. A flag takes `true`/`false` (also 1/0, yes/no, on/off); any other text refuses to start.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Json, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.egress import check_model_url, check_public_url
from backend.errors import SettingRefused

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _parse_switch(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    msg = f"is {str(value)!r}, which is neither true nor false"
    raise ValueError(msg)


Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Switch = Annotated[bool, BeforeValidator(_parse_switch)]


class Settings(BaseSettings):
    """Every setting with its default; `.env.example` lists the same names."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    d1_url: str = "sqlite:///.data/agentic-sales.db"
    d1_token: SecretStr | None = None
    checkpoint_key: SecretStr | None = None

    deepseek_api_key: SecretStr | None = None
    deepseek_base_url: str = "https://api.deepseek.com"
    deepseek_model_standard: str = "deepseek-flash"
    deepseek_model_deep: str = "deepseek-v4-pro"
    model_prices: Json[dict[str, tuple[Dollars, Dollars, Dollars]]] = Field(default={}, validate_default=False)
    model_deadline_s: float = Field(default=60, gt=0, le=60)

    campaign_coach_enabled: Switch = False
    orchestrator_role_plan: Switch = False
    llm_kill_switch: Switch = False

    release_commit: str = ""

    cron_secret: SecretStr | None = None
    cron_secret_previous: SecretStr | None = None
    sweep_width: int = Field(default=10, ge=1, le=100)
    tick_max_age_minutes: int = Field(default=15, ge=5, le=100_000)
    draft_max_wait_days: int = Field(default=4, ge=1, le=1_000)

    mail_url: SecretStr | None = None
    outbox_dir: str = ".data/outbox"
    resend_api_key: SecretStr | None = None
    mail_sent_url: SecretStr | None = None

    approval_max_age_days: int = Field(default=7, ge=1, le=365)

    send_days: str = "mon-fri"
    send_hours: str = "09:00-17:00"
    mailbox_cap_a_day: int = Field(default=100, ge=0, le=100_000)
    mailbox_cap_an_hour: int = Field(default=20, ge=0, le=100_000)
    recipient_domain_cap_a_day: int = Field(default=20, ge=0, le=100_000)
    min_gap_hours: float = Field(default=20, ge=0, le=8_760)

    public_url: str = ""
    unsubscribe_secret: SecretStr | None = None
    unsubscribe_secret_previous: SecretStr | None = None

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: str = "INFO"

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if not isinstance(value, str) or value.strip()}

    @field_validator("public_url")
    @classmethod
    def _only_public_places(cls, url: str) -> str:
        return check_public_url(url)

    @field_validator("deepseek_base_url")
    @classmethod
    def _only_allowed_egress(cls, url: str) -> str:
        return check_model_url(url)


def read_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the environment and `.env`; `overrides`, by field name, take precedence.

    Raises:
        SettingRefused: a variable's text is not allowed; names the first such variable.
    """
    try:
        return Settings(**dict(overrides or {}))  # type: ignore[arg-type]  # validated like the environment
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        variable = str(first["loc"][0]).upper()
        raise SettingRefused(variable, first["msg"].removeprefix("Value error, ")) from None


class _KillSwitch(BaseSettings):
    """The one variable that may change while the service runs."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    llm_kill_switch: str = ""


def kill_switch_is_on(default: bool) -> bool:  # noqa: FBT001  # a setting's value, not a mode
    """Read `LLM_KILL_SWITCH` as it is now, in the environment or else in `.env`; text that is no switch keeps models off.

    `default` is what the settings held at start-up, for when it stands in neither.
    """
    text = _KillSwitch().llm_kill_switch.strip().lower()
    return text not in _FALSE if text else default
