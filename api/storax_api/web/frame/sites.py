"""Whether the agent of a site is there, as `storax job explain` says it too."""

from datetime import datetime
from typing import Any

from storax_api.web.frame.times import parse

SILENT_SEC = 90.0  # an agent reports every few seconds; after this it is gone or cut off


def presence(site: dict[str, Any], now: datetime) -> str:
    """Return up, down or never, by when the site's agent was last heard."""
    heard = site["last_refresh"]
    if heard is None:
        return "never"
    return "up" if (now - parse(heard)).total_seconds() <= SILENT_SEC else "down"
