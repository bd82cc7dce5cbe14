"""Selection of jobs: ids, ranges, `last`, filters by tag, state, site and app; the same options everywhere."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.failures import NOT_FOUND, CommandError, UsageError
from storax.cli.terminal.parse import pairs, span, when

if TYPE_CHECKING:
    from storax.models.job import JobQuery

MAX_IDS = 10_000
RECENT = timedelta(days=1)

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[JOB]...", help="Job ids and ranges: 12 or 1-10,15; `last` is the newest job.", show_default=False
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Only jobs with this tag.", autocompletion=complete.tags),
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", "-s", metavar="STATE", help="Only jobs in this state.", autocompletion=complete.states),
]
Sites = Annotated[
    list[str] | None,
    typer.Option("--site", metavar="NAME", help="Only jobs at this site.", autocompletion=complete.sites),
]
Apps = Annotated[
    list[str] | None, typer.Option("--app", metavar="NAME", help="Only jobs of this app.", autocompletion=complete.apps)
]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="TIME", help="Only jobs that have not changed for so long, such as 30d."),
]

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="WHEN", help="As it was at a log position, at a time, or so long ago (2h)."),
]

_RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True)
class Selection:
    """The jobs that a command line selects."""

    selectors: Sequence[str] = ()
    tags: Sequence[str] = ()
    states: Sequence[str] = ()
    sites: Sequence[str] = ()
    apps: Sequence[str] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        selectors: Sequence[str] | None,
        tags: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        sites: Sequence[str] | None = None,
        apps: Sequence[str] | None = None,
        older_than: str | None = None,
    ) -> "Selection":
        """Make it of the values of options, which are None where they are absent.

        Raises:
            UsageError: ``older_than`` is no duration.
        """
        unchanged = {} if older_than is None else {"last_update_before": _before(older_than)}
        return cls(selectors or (), tags or (), _split(states), sites or (), apps or (), unchanged)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return not (self.selectors or self.tags or self.states or self.sites or self.apps or self.extra)

    @property
    def is_one(self) -> bool:
        """Whether it is a single job, by its id or as `last`."""
        filtered = self.tags or self.states or self.sites or self.apps or self.extra
        return (
            not filtered and len(self.selectors) == 1 and (self.selectors[0].isdecimal() or self.selectors[0] == "last")
        )

    def __str__(self) -> str:
        parts = [" ".join(self.selectors)] if self.selectors else []
        options = {"tag": self.tags, "state": self.states, "site": self.sites, "app": self.apps}
        parts += [f"--{name} {' '.join(values)}" for name, values in options.items() if values]
        parts += [f"--older-than ({before:%Y-%m-%d %H:%M} UTC)" for before in self.extra.values()]
        return " ".join(parts) or "all jobs"

    def require(self, verb: str) -> "Selection":
        """Refuse an empty selection, which would stand for all jobs.

        Raises:
            UsageError: nothing is selected.
        """
        if self.is_empty:
            hint = f"Write storax job {verb} 12, or use --tag KEY=VALUE or --state STATE."
            raise UsageError("No job is selected.", hint=hint)
        return self

    def query(self, as_of: str | None = None) -> "JobQuery":
        """Return the query of the selected jobs, as they are or as they were.

        Raises:
            CommandError: an app of that name does not exist, or `last` while there is no job.
            InvalidInput: there is no such state or site; the message names the nearest.
        """
        from storax.models.job import Job

        jobs = Job.objects.all()
        for filters in (self._by_id(), self.filters(), self.extra):
            if filters:
                jobs = jobs.filter(**filters)
        return jobs if as_of is None else jobs.as_of(int(as_of) if as_of.isdecimal() else when(as_of))

    def filters(self) -> dict[str, Any]:
        """Return the filters of the options for tags, states, sites and apps, names replaced by ids.

        Raises:
            CommandError: there is no such site or app; the message names the nearest.
        """
        filters: dict[str, Any] = {}
        if self.tags:
            filters["tags"] = pairs(self.tags, "--tag")
        if self.states:
            filters["state"] = [state.upper() for state in self.states]
        if self.sites:
            filters["site_id"] = [site_id(name) for name in self.sites]
        if self.apps:
            filters["app_id"] = [i for name in self.apps for i in app_ids(name, sites=filters.get("site_id", ()))]
        return filters

    def _by_id(self) -> dict[str, Any]:
        items = [item for text in self.selectors for item in text.split(",") if item]
        spans = [_span_of(item) for item in items]
        if len(spans) == 1 and spans[0][0] != spans[0][1]:
            return {"id__gt": spans[0][0] - 1, "id__lt": spans[0][1] + 1}
        if sum(last - first + 1 for first, last in spans) > MAX_IDS:
            raise UsageError(f"These are more than {MAX_IDS} ids.", hint="Use one range, or filter by tag.")
        ids = list(dict.fromkeys(i for first, last in spans for i in range(first, last + 1)))
        return {"id": ids} if ids else {}


def recent(jobs: "JobQuery") -> "JobQuery":
    """Return those of a query that have not ended, or ended within a day: what a command shows where none is named."""
    from storax.models.job_rules import FINAL

    return jobs.exclude(state=FINAL, last_update_before=datetime.now(UTC) - RECENT)


def one_id(text: str) -> int:
    """Parse the id of a single job: a number or `last`.

    Raises:
        CommandError: it is neither, or there is no job.
    """
    first, last = _span_of(text)
    if first != last:
        raise UsageError(f"{text!r} selects more than one job.", hint="This command takes one id.")
    return first


def _span_of(text: str) -> tuple[int, int]:
    if text == "last":
        newest = _newest()
        return newest, newest
    if text.isdecimal():
        return int(text), int(text)
    match = _RANGE.fullmatch(text)
    if match and int(match[1]) <= int(match[2]):
        return int(match[1]), int(match[2])
    raise UsageError(f"{text!r} is not a job.", hint="Use an id such as 12, a range such as 1-10, or `last`.")


def _newest() -> int:
    from storax.models.job import Job

    ids = Job.objects.all().order_by("-id")[:1].values_list("id", flat=True)
    if not ids:
        raise CommandError("There is no job yet.", hint="Create one: storax job submit APP", status=NOT_FOUND)
    return int(ids[0])


def site_id(name: str) -> int:
    """Return the id of a site, from its name or its number.

    Raises:
        CommandError: there is none; the message names the nearest.
    """
    from storax._jobs.app_cache import apps_of
    from storax.client import current_client
    from storax.errors import InvalidInput

    try:
        return int(name) if name.isdecimal() else apps_of(current_client()).site_id(name)
    except InvalidInput as error:
        raise CommandError(error.message, hint=error.hint, status=NOT_FOUND) from None


def app_ids(name: str, *, sites: Iterable[int] = ()) -> list[int]:
    """Return the ids of the apps of this name, one per site; or the one id that ``name`` is.

    Raises:
        CommandError: there is none; the message names the nearest.
    """
    from storax.models.job import App

    if name.isdecimal():
        return [int(name)]
    apps = App.objects.filter(site_id=list(sites)) if sites else App.objects.all()
    ids = apps.filter(name=name).values_list("id", flat=True)
    if not ids:
        from storax._runtime.suggestions import nearest

        hint = nearest(name, apps.values_list("name", flat=True)) or "There is none yet: storax app sync FILE.py"
        raise CommandError(f"There is no App {name!r}.", hint=hint, status=NOT_FOUND)
    return list(ids)


def _split(texts: Sequence[str] | None) -> list[str]:
    return [item for text in texts or () for item in text.split(",") if item]


def _before(text: str) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=span(text))
