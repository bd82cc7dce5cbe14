"""The platform's jobs as the engine needs them: made at a site, looked at, cancelled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storax.client import Client
from storax.errors import Conflict, InvalidInput
from storax_engine.names import nearest

Row = dict[str, Any]
APP = "storax_pipeline"
# The site's agent says where its Storax is; the place becomes a quoted variable, never shell text.
_TEMPLATE = 'exec "${STORAX_PYTHON:-python3}" -P -m storax_engine.at_site {{ order }}'
_DEFINITION: Row = {
    "description": "Fits and scores of the engine's pipelines. The engine makes it where it is missing.",
    "command_template": _TEMPLATE,
    "use_shell": True,
    "retry_exit_codes": [1, -6, -7, -9, -11, -15],  # another attempt mends no data
}
_OURS = frozenset({"app_id", "parameters", "workdir", "transfers", "parent_ids", "parent_refs", "on_parent_failure"})
_PAGE = 1000


class Jobs:
    """Calls of the platform. Safe for threads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def site(self, name: str) -> int:
        """Id of the user's site of that name.

        Raises:
            InvalidInput: there is none.
        """
        for row in self._query("sites", {"name": name}, ["id"]):
            return int(row["id"])
        known = [row["name"] for row in self._query("sites", {}, ["name"])]
        raise InvalidInput(f"There is no site {name!r}.", hint=nearest(name, known) or "storax site init makes one.")

    def app(self, site_id: int) -> int:
        """Id of the App for pipelines at a site, made at the first use and brought up to date."""
        row = self._app(site_id)
        if row is None:
            try:
                made = self._client.request("POST", "/apps/", {"site_id": site_id, "name": APP, **_DEFINITION})
                return int(made["id"])
            except Conflict:
                row = self._app(site_id)
                if row is None:
                    raise
        if row["command_template"] != _TEMPLATE or not row["use_shell"]:
            self._client.request("PATCH", f"/apps/{row['id']}", {"command_template": _TEMPLATE, "use_shell": True})
        return int(row["id"])

    def create(self, app_id: int, workdir: str, order: str, tags: Mapping[str, str], more: Mapping[str, Any]) -> int:
        """A new job; ``more`` are fields of Job that the user gave.

        Raises:
            InvalidInput: naming the field that is wrong.
        """
        self.allowed(more)
        body = {**more, "app_id": app_id, "workdir": workdir, "parameters": {"order": order}}
        made = self._client.request("POST", "/jobs/", {**body, "tags": {**more.get("tags", {}), **tags}})
        return int(made["id"])

    def create_all(
        self, app_id: int, workdir: str, steps: Sequence[Row], order: str, tags: Mapping[str, str],
        more: Mapping[str, Any],
    ) -> list[int]:  # fmt: skip
        """New jobs for the steps of an order, and the order's own as their child: all of them, or none."""
        self.allowed(more)
        last = {"parameters": {"order": order}, "tags": dict(tags), "parent_refs": list(range(len(steps)))}
        own = more.get("tags", {})
        rows = [
            {**more, **row, "app_id": app_id, "workdir": f"{workdir}/{i}", "tags": {**own, **row["tags"]}}
            for i, row in enumerate([*steps, last])
        ]
        made = self._client.request("POST", "/jobs/", rows, params={"format": "rows"})
        at = made["columns"].index("id")
        return [int(row[at]) for row in made["rows"]]

    def with_tags(self, tags: Mapping[str, str]) -> int | None:
        """Id of the job with these tags."""
        return next(iter(self.all_with_tags(tags)), None)

    def all_with_tags(self, tags: Mapping[str, str]) -> list[int]:
        """Ids of the jobs with these tags."""
        return sorted(int(row["id"]) for row in self._query("jobs", {"tags": dict(tags)}, ["id"]))

    def states(self, ids: Iterable[int]) -> dict[int, str]:
        """State by id; a job that was deleted has none."""
        wanted = sorted(ids)
        parts = (wanted[i : i + _PAGE] for i in range(0, len(wanted), _PAGE))
        return {int(r["id"]): r["state"] for part in parts for r in self._query("jobs", {"id": part}, ["id", "state"])}

    def cancel(self, ids: Iterable[int]) -> None:
        """Cancel those that have not ended."""
        wanted = sorted(ids)
        if wanted:
            self._client.request("POST", "/jobs/cancel", {"filter": {"id": wanted}})

    def reason(self, job_id: int) -> str:
        """Why a job failed: the words of its last move, with the last line of its stderr where that says nothing."""
        wanted = {"job_id": job_id, "to_state": ["RUN_ERROR", "FAILED"]}
        ask = {"filter": wanted, "ordering": ["-position"], "limit": 2}
        events = self._client.request("POST", "/events/query", ask)["results"]
        words = next((str(e["data"]["message"]) for e in events if e["data"].get("message")), "it failed")
        tail = next((str(e["data"]["stderr_tail"]) for e in events if e["data"].get("stderr_tail")), "").strip()
        return f"{words}: {tail.splitlines()[-1]}" if tail and words != "cancelled" else words

    def allowed(self, more: Mapping[str, Any]) -> None:
        """Refuse fields of a job that are not a user's to give.

        Raises:
            InvalidInput: naming the first.
        """
        wrong = sorted(_OURS & more.keys())
        if wrong:
            raise InvalidInput(f"job={{{wrong[0]!r}: ...}} is the engine's to set.", hint="Leave it out.")
        if not isinstance(more.get("tags", {}), Mapping):
            raise InvalidInput(f"The tags of a job are words by name, and not {more['tags']!r}.")

    def _app(self, site_id: int) -> Row | None:
        fields = ["id", "command_template", "use_shell"]
        return next(iter(self._query("apps", {"site_id": site_id, "name": APP}, fields)), None)

    def _query(self, path: str, wanted: Row, fields: list[str]) -> list[Row]:
        ask = {"filter": wanted, "fields": fields, "limit": _PAGE}
        found: list[Row] = self._client.request("POST", f"/{path}/query", ask)["results"]
        return found
