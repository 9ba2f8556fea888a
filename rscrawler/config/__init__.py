"""The configuration: `rscrawler.toml` and the environment, validated.

Every model forbids unknown keys, and `checked` turns what pydantic finds wrong
into one line for each problem that names the file, the key and what is allowed.
Site profiles, watch-lists and schedules are read through the same functions.
"""

from rscrawler.config.checking import (
    checked,
    merged,
    parse_toml,
    read_text,
    read_toml,
    toml_files,
    typed,
)
from rscrawler.config.kept import keep, kept
from rscrawler.config.loading import find_config, handed_on, load_config
from rscrawler.config.models import (
    DEFAULT_CONFIG_NAME,
    AlertSettings,
    Config,
    EmailSettings,
    OpsSettings,
    QuietHours,
    WebhookSettings,
    WebSettings,
)
from rscrawler.config.values import (
    Duration,
    Model,
    TimeZoneName,
    checked_user_name,
    checked_web_address,
    format_duration,
    parse_duration,
)

__all__ = [
    "DEFAULT_CONFIG_NAME",
    "AlertSettings",
    "Config",
    "Duration",
    "EmailSettings",
    "Model",
    "OpsSettings",
    "QuietHours",
    "TimeZoneName",
    "WebSettings",
    "WebhookSettings",
    "checked",
    "checked_user_name",
    "checked_web_address",
    "find_config",
    "format_duration",
    "handed_on",
    "keep",
    "kept",
    "load_config",
    "merged",
    "parse_duration",
    "parse_toml",
    "read_text",
    "read_toml",
    "toml_files",
    "typed",
]
