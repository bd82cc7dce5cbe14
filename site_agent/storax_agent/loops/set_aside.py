"""Set aside: tell the server, in the Site's row, which records were set aside, when it becomes others."""

from datetime import UTC, datetime
from typing import Any

from storax_agent.files.set_aside import SetAside, SetAsideRecord
from storax_agent.server.site_api import SiteApi


class SetAsideRecords:
    """One look every ``every_sec`` seconds at the folder of ``set_aside``."""

    def __init__(self, api: SiteApi, site_id: int, set_aside: SetAside, *, every_sec: float) -> None:
        self._api, self._site_id, self._set_aside, self._every_sec = api, site_id, set_aside, every_sec
        self._reported: dict[str, Any] | None = None

    def step(self) -> float:
        """One look."""
        if self._reported is None:
            self._reported = dict(self._api.site(self._site_id).get("set_aside") or {})
        summary = self._set_aside.summary()
        row = {"count": summary.count, "newest": [_row(one) for one in summary.newest]} if summary.count else {}
        if row != self._reported:
            self._api.update_site(self._site_id, {"set_aside": row})
            self._reported = row
        return self._every_sec


def _row(record: SetAsideRecord) -> dict[str, str]:
    at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="seconds")
    return {"name": record.name, "reason": record.reason, "at": at}
