"""The configuration: `rscrawler.toml` and the environment, validated.

Every model forbids unknown keys, and `checked` turns pydantic's errors into one line
for each problem, with the file, the key and what is allowed. Site profiles, watch-lists
and schedules are read through the same functions.
"""

from rscrawler.config.checking import checked as checked
from rscrawler.config.checking import merged as merged
from rscrawler.config.checking import read_text as read_text
from rscrawler.config.checking import read_toml as read_toml
from rscrawler.config.checking import toml_files as toml_files
from rscrawler.config.loading import cache_for as cache_for
from rscrawler.config.loading import cached as cached
from rscrawler.config.loading import find_config as find_config
from rscrawler.config.loading import handed_on as handed_on
from rscrawler.config.loading import load_config as load_config
from rscrawler.config.models import DEFAULT_CONFIG_NAME as DEFAULT_CONFIG_NAME
from rscrawler.config.models import AlertSettings as AlertSettings
from rscrawler.config.models import Config as Config
from rscrawler.config.models import Duration as Duration
from rscrawler.config.models import EmailSettings as EmailSettings
from rscrawler.config.models import Model as Model
from rscrawler.config.models import OpsSettings as OpsSettings
from rscrawler.config.models import QuietHours as QuietHours
from rscrawler.config.models import TimeZoneName as TimeZoneName
from rscrawler.config.models import WebAddress as WebAddress
from rscrawler.config.models import WebhookSettings as WebhookSettings
from rscrawler.config.models import checked_user_name as checked_user_name
from rscrawler.config.models import format_duration as format_duration
from rscrawler.config.models import is_web_address as is_web_address
from rscrawler.config.models import parse_duration as parse_duration
