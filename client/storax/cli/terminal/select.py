"""Which jobs are meant: ids, ranges, `last`, filters by tag, state, site and app; the same words everywhere."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError, UsageError
from storax.cli.terminal.parse import pairs

if TYPE_CHECKING:
    from storax.models.job import JobQuery

MOST_IDS = 10_000

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[JOB]...", help="Job ids and ranges: 12 or 1-10,15; `last` is the newest job.", show_default=False
    ),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Only jobs with this tag.")]
States = Annotated[list[str] | None, typer.Option("--state", "-s", metavar="STATE", help="Only jobs in this state.")]
Sites = Annotated[list[str] | None, typer.Option("--site", metavar="NAME", help="Only jobs at this site.")]
Apps = Annotated[list[str] | None, typer.Option("--app", metavar="NAME", help="Only jobs of this app.")]

_RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True)
class Selection:
    """What was typed to say which jobs are meant."""

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
    ) -> "Selection":
        """From the values of options, which are None where they were not given."""
        return cls(selectors or (), tags or (), _words(states), sites or (), apps or ())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not (self.selectors or self.tags or self.states or self.sites or self.apps or self.extra)

    @property
    def is_one(self) -> bool:
        """Whether a single job was named, by its id or as `last`."""
        filtered = self.tags or self.states or self.sites or self.apps
        return (
            not filtered and len(self.selectors) == 1 and (self.selectors[0].isdecimal() or self.selectors[0] == "last")
        )

    def __str__(self) -> str:
        parts = [" ".join(self.selectors)] if self.selectors else []
        options = {"tag": self.tags, "state": self.states, "site": self.sites, "app": self.apps}
        parts += [f"--{name} {' '.join(words)}" for name, words in options.items() if words]
        return " ".join(parts) or "all jobs"

    def require(self, verb: str) -> "Selection":
        """Refuse to act on everything by accident.

        Raises:
            CommandError: nothing was said.
        """
        if self.is_empty:
            hint = f"Write storax job {verb} 12, or use --tag KEY=VALUE or --state STATE."
            raise UsageError("No job is selected.", hint=hint)
        return self

    def query(self) -> "JobQuery":
        """The jobs that are meant.

        Raises:
            CommandError: an app of that name does not exist, or `last` while there is no job.
            InvalidInput: a state or site that nobody knows; the message names the nearest.
        """
        from storax.models.job import Job

        found = Job.objects.all()
        for wanted in (self._by_id(), self._by_words(), self.extra):
            if wanted:
                found = found.filter(**wanted)
        return found

    def _by_words(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        if self.tags:
            wanted["tags"] = pairs(self.tags, "--tag")
        if self.states:
            wanted["state"] = [state.upper() for state in self.states]
        if self.sites:
            wanted["site_id"] = [site_id(name) for name in self.sites]
        if self.apps:
            wanted["app_id"] = [i for name in self.apps for i in app_ids(name, sites=wanted.get("site_id", ()))]
        return wanted

    def _by_id(self) -> dict[str, Any]:
        words = [word for text in self.selectors for word in text.split(",") if word]
        spans = [_span_of(word) for word in words]
        if len(spans) == 1 and spans[0][0] != spans[0][1]:
            return {"id__gt": spans[0][0] - 1, "id__lt": spans[0][1] + 1}
        if sum(last - first + 1 for first, last in spans) > MOST_IDS:
            raise UsageError(f"These are more than {MOST_IDS} ids.", hint="Use one range, or filter by tag.")
        ids = list(dict.fromkeys(i for first, last in spans for i in range(first, last + 1)))
        return {"id": ids} if ids else {}


def one_id(word: str) -> int:
    """The id of a single job, from a number or `last`.

    Raises:
        CommandError: it is neither, or there is no job.
    """
    first, last = _span_of(word)
    if first != last:
        raise UsageError(f"{word!r} selects more than one job.", hint="This command takes one id.")
    return first


def _span_of(word: str) -> tuple[int, int]:
    if word == "last":
        newest = _newest()
        return newest, newest
    if word.isdecimal():
        return int(word), int(word)
    match = _RANGE.fullmatch(word)
    if match and int(match[1]) <= int(match[2]):
        return int(match[1]), int(match[2])
    raise UsageError(f"{word!r} is not a job.", hint="Use an id such as 12, a range such as 1-10, or `last`.")


def _newest() -> int:
    from storax.models.job import Job

    found = Job.objects.all().order_by("-id")[:1].values_list("id", flat=True)
    if not found:
        raise CommandError("There is no job yet.", hint="Create one: storax job submit APP", status=NOT_FOUND)
    return int(found[0])


def site_id(name: str) -> int:
    """The id of a site, from its name or its number.

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
    """The ids of the apps of this name, one a site; or the one id that ``name`` is.

    Raises:
        CommandError: there is none; the message names the nearest.
    """
    from storax.models.job import App

    if name.isdecimal():
        return [int(name)]
    apps = App.objects.filter(site_id=list(sites)) if sites else App.objects.all()
    found = apps.filter(name=name).values_list("id", flat=True)
    if not found:
        from storax._runtime.suggestions import nearest

        hint = nearest(name, apps.values_list("name", flat=True)) or "There is none yet: storax app sync FILE.py"
        raise CommandError(f"There is no App {name!r}.", hint=hint, status=NOT_FOUND)
    return list(found)


def _words(texts: Sequence[str] | None) -> list[str]:
    return [word for text in texts or () for word in text.split(",") if word]
