"""The platform's jobs as the engine uses them: created at a site, read, cancelled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storax._runtime.suggestions import nearest
from storax.client import Client
from storax.errors import Conflict, InvalidInput
from storax.models.event_log import EventLog
from storax.models.job import App, AppManager, Job, JobManager
from storax.models.job_rules import UNSUCCESSFUL
from storax.models.site import SiteManager

APP = "storax_pipeline"
FOLDER = "order"  # the App's parameter and the jobs' tag, by the name that jobs of earlier releases have
# The site's agent says where its Storax is; the place becomes a quoted variable, never shell text.
_TEMPLATE = f'exec "${{STORAX_PYTHON:-python3}}" -P -m storax_engine.at_site {{{{ {FOLDER} }}}}'
_DESCRIPTION = "Fits and scores of the engine's pipelines. The engine makes it where it is missing."
_PERMANENT = (1, -6, -7, -9, -11, -15)  # exit codes after which another attempt mends no data
_SET_BY_ENGINE = frozenset(
    {"app", "app_id", "site_name", "parameters", "workdir", "transfers", "parent_ids", "parent_refs"}
    | {"on_parent_failure"}
)


class Jobs:
    """Jobs of the engine's user. Safe for threads."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._jobs = JobManager(client=client)
        self._apps = AppManager(client=client)
        self._sites = SiteManager(client=client)

    def site(self, name: str) -> int:
        """Return the id of the user's site of that name.

        Raises:
            InvalidInput: there is none.
        """
        for site_id in self._sites.filter(name=name).values_list("id", flat=True):
            return int(site_id)
        known = self._sites.values_list("name", flat=True)
        raise InvalidInput(f"There is no site {name!r}.", hint=nearest(name, known) or "storax site init makes one.")

    def app(self, site_id: int) -> int:
        """Return the id of the App for pipelines at a site; create it at the first use, bring it up to date later."""
        app = self._apps.filter(site_id=site_id, name=APP).first() or self._create_app(site_id)
        if app.command_template != _TEMPLATE or not app.use_shell:
            app.command_template, app.use_shell = _TEMPLATE, True
            app.save()
        return int(app.id or 0)

    def _create_app(self, site_id: int) -> App:
        try:
            return self._apps.create(
                site_id=site_id,
                name=APP,
                description=_DESCRIPTION,
                command_template=_TEMPLATE,
                use_shell=True,
                retry_exit_codes=_PERMANENT,
            )
        except Conflict:  # another engine of the user's was first
            return self._apps.get(site_id=site_id, name=APP)

    def create(self, steps: Sequence[Job], last: Job) -> list[int]:
        """Create jobs, all or none: ``steps``, then ``last``, which waits for them. Returns their ids in this order."""
        if not steps:
            last._insert(self.client)
            return [int(last.id or 0)]
        return [int(job.id or 0) for job in self._jobs.bulk_create([*steps, last], progress=False)]

    def with_tags(self, tags: Mapping[str, str]) -> list[int]:
        """Return the ids of the jobs with these tags, oldest first."""
        return sorted(self._jobs.filter(tags=dict(tags)).values_list("id", flat=True))

    def states(self, ids: Iterable[int]) -> dict[int, str]:
        """Return the state by id; a job that was deleted has none."""
        return dict(self._jobs.filter(id=sorted(ids)).values_list("id", "state"))

    def was_cancelled(self, job_id: int, state: str | None) -> bool:
        """Return whether a job in this state was cancelled."""
        # Servers before the state CANCELLED recorded a cancellation as a failure of this message.
        return state == "CANCELLED" or (state == "FAILED" and self.reason(job_id) == "cancelled")

    def cancel(self, ids: Iterable[int]) -> None:
        """Cancel those that have not ended."""
        self._jobs.filter(id=sorted(ids)).cancel()

    def reason(self, job_id: int) -> str:
        """Return why a job has not finished: the message of its last event, with the last line of stderr, if any."""
        events = EventLog.objects.using(self.client).filter(job_id=job_id, to_state=["RUN_ERROR", *UNSUCCESSFUL])
        last = [event.data for event in events.order_by("-position")[:2]]
        message = next((str(data["message"]) for data in last if data.get("message")), "it failed")
        tail = next((str(data["stderr_tail"]) for data in last if data.get("stderr_tail")), "").strip()
        return f"{message}: {tail.splitlines()[-1]}" if tail and message != "cancelled" else message


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuse fields of a job that are not a user's to set.

    Raises:
        InvalidInput: naming the first.
    """
    wrong = sorted(_SET_BY_ENGINE & fields.keys())
    if wrong:
        raise InvalidInput(f"job={{{wrong[0]!r}: ...}} is the engine's to set.", hint="Leave it out.")
    if not isinstance(fields.get("tags", {}), Mapping):
        raise InvalidInput(f"The tags of a job are words by name, and not {fields['tags']!r}.")
