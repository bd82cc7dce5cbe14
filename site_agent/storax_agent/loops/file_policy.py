"""What the site's policy says of the files of jobs: which may be moved, deleted or read. The server is not believed."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax_agent.server.site_api import SiteApi
from storax_agent.settings.policy import Policy

UNKNOWN_APP = "site policy: its App is unknown, and this site names its Apps or its submitters"
Row = dict[str, Any]


class FilePolicy:
    """The policy of one site. ``submitter`` is the owner of the token. An open policy costs no request."""

    def __init__(self, api: SiteApi, policy: Policy, submitter: str) -> None:
        self._api, self._policy, self._submitter = api, policy, submitter

    def transfer_objections(self, items: Sequence[Row], jobs: Mapping[int, Row]) -> dict[int, str]:
        """Return why TransferItems are refused, by their id."""
        if self._policy.is_open:
            return {}
        apps = self._apps({jobs[item["job_id"]].get("app_id") for item in items})
        reasons = {item["id"]: self._of_item(item, apps.get(jobs[item["job_id"]].get("app_id"))) for item in items}
        return {number: reason for number, reason in reasons.items() if reason}

    def cleaning_objection(self, app: Row) -> str:
        """Return why no files of this App's jobs are deleted, or an empty text."""
        return self._policy.app_objection(app, submitter=self._submitter)

    def read_objection(self, job_id: int) -> str:
        """Return why no file of this job is read, or an empty text."""
        if not self._policy.allow_file_reads:
            return "site policy: files of jobs are not read from outside (allow_file_reads in its site.toml)"
        if self._policy.is_open:
            return ""
        app_id = self._api.jobs_brief([job_id]).get(job_id, {}).get("app_id")
        app = self._apps({app_id}).get(app_id)
        return UNKNOWN_APP if app is None else self._policy.app_objection(app, submitter=self._submitter)

    def _of_item(self, item: Row, app: Row | None) -> str:
        if app is None:
            return UNKNOWN_APP
        return self._policy.transfer_objection(app, item, submitter=self._submitter)

    def _apps(self, ids: set[int | None]) -> dict[int | None, Row]:
        return {app["id"]: app for app in self._api.apps(sorted(number for number in ids if number is not None))}
