"""Token: look now and then when the site's token ends, take up a newer one where there is one, warn of the end."""

import logging
import time
from datetime import UTC, datetime

from storax_agent.server.site_api import SiteApi

EVERY_SEC = 6 * 3600.0
DAY_SEC = 86_400
LOG = logging.getLogger(__name__)


class TokenWatch:
    """One look every 6 hours; from ``warn_days`` before its end, a line in the log at each."""

    def __init__(self, api: SiteApi, *, warn_days: float) -> None:
        self._api, self._warn_days = api, warn_days

    def step(self) -> float:
        """One look."""
        if self._is_near() and not (self._api.renew_token() and not self._is_near()):
            LOG.warning("the token of this site %s; put another in its place", words_of(self._api.token_expires()))
        return EVERY_SEC

    def _is_near(self) -> bool:
        return is_near(self._api.token_expires(), warn_days=self._warn_days)


def is_near(expires: datetime | None, *, warn_days: float) -> bool:
    """Whether fewer than so many days are left."""
    return expires is not None and expires.timestamp() - time.time() < warn_days * DAY_SEC


def words_of(expires: datetime | None) -> str:
    """When it ends, as a person reads it."""
    if expires is None:
        return "never expires"
    days = (expires.timestamp() - time.time()) / DAY_SEC
    return f"expires {expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in {days:.1f} days"
