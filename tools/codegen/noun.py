"""One resource as the generator sees it: its fields, arguments and filters, with their types as source."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from storax_core.resources.base import FilterSpec, Resource
from tools.codegen import types


@dataclass(frozen=True)
class Attribute:
    """One field of a model, or one argument that only travels with a create."""

    name: str
    annotation: Any
    doc: str
    settable: str
    default: Any
    required: bool
    sent_only: bool = False
    on_request: bool = False
    by_key: bool = False

    @property
    def reads_as(self) -> str:
        """Its type when read."""
        text = types.source(self.annotation)
        return f"{text} | None" if self.name == "id" and "None" not in text else text

    @property
    def accepts(self) -> str:
        """Its type when set."""
        return types.accepted(self.annotation)


@dataclass(frozen=True)
class Base:
    """The hand-written classes that a noun's generated ones stand on, as ``module.Class``; empty: the general ones.

    ``arguments`` are the type arguments of the model's base.
    """

    model: str
    arguments: str = ""
    query: str = ""
    manager: str = ""


def class_of(path: str) -> str:
    """The bare name of a ``module.Class``."""
    return path.rpartition(".")[2]


@dataclass(frozen=True)
class Argument:
    """An argument that the client alone knows, and turns into a field."""

    name: str
    type: str
    doc: str


HAND_WRITTEN = {
    "App": Base("_jobs.app.AppBase", '["App", "Job"]'),
    "BatchJob": Base("_jobs.batch_job.BatchJobBase"),
    "EventLog": Base("_orm.instance.Model", query="_events.queries.EventQuery"),
    "Job": Base(
        "_jobs.job.JobBase", '["App", "JobQuery"]', "_jobs.queries.JobQueryBase", "_jobs.queries.JobManagerBase"
    ),
    "Session": Base("_jobs.session.SessionBase"),
    "Webhook": Base("_events.webhook.WebhookBase"),
}
CLIENT_ARGUMENTS = {
    "Job": (
        Argument("app", "str | App | type[App]", "App it runs: its name, an App, or its class."),
        Argument("site_name", "str", "Site of the App, where several have one of that name."),
    )
}
# Wire forms that the client makes by itself.
HIDDEN = frozenset({"parent_refs"})
# Fields with a descriptor of their own: module, class.
FIELDS = {("Job", "parent_ids"): ("_jobs.job", "ParentIds")}
# Types that the client widens: parents may be jobs, saved or not.
ACCEPTS = {("Job", "parent_ids"): "Iterable[int | JobBase[Any, Any]]"}
# Nouns in another's module, because each names the other: an App makes Jobs, a Job names its App.
TOGETHER = {"App": "job"}
# Nouns whose subclasses set fields in the class body; type checkers then need the plain types.
DECLARABLE = frozenset({"App"})


@dataclass(frozen=True)
class Noun:
    """A resource, ready to be written down."""

    resource: Resource

    @property
    def name(self) -> str:
        """The model's class name."""
        return self.resource.python_name

    @property
    def module(self) -> str:
        """The file's name, without its ending."""
        return TOGETHER.get(self.name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()

    @property
    def doc(self) -> str:
        """The docstring of the table."""
        return " ".join((self.resource.model.__doc__ or "").split())

    @property
    def base(self) -> Base | None:
        """The hand-written classes below, if there are any."""
        return HAND_WRITTEN.get(self.name)

    @property
    def model_base(self) -> str:
        """What the model's class derives from."""
        return class_of(self.base.model) + self.base.arguments if self.base else "Model"

    @property
    def query_base(self) -> str:
        """What the query's class derives from."""
        if self.base and self.base.query:
            return class_of(self.base.query)
        return "ChangeQuery" if self.can("update") or self.can("delete") else "Query"

    @property
    def manager_bases(self) -> str:
        """What the manager's class derives from; the query always, so that a manager filters as one does."""
        if self.base and self.base.manager:
            return f"{class_of(self.base.manager)}[{self.name}], {self.name}Query"
        writes = any(self.can(verb) for verb in ("create", "update", "delete"))
        return f"Manager[{self.name}], {self.name}Query" if writes else f"{self.name}Query"

    @property
    def imports(self) -> list[tuple[str, str]]:
        """What the module takes from hand-written ones: module and names, ready to be written down."""
        paths = [self.base.model, self.base.query, self.base.manager] if self.base else []
        pairs = [
            *((p.rpartition(".")[0], class_of(p)) for p in paths if p),
            *(v for k, v in FIELDS.items() if k[0] == self.name),
        ]
        modules: dict[str, set[str]] = {}
        for module, name in pairs:
            modules.setdefault(module, set()).add(name)
        return [(module, ", ".join(sorted(names))) for module, names in modules.items()]

    def can(self, verb: str) -> bool:
        """Whether the routes offer this verb."""
        return verb in self.resource.verbs

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """All fields in the order of the server's columns, then those that are only sent."""
        return (*(self._attribute(n) for n in self.resource.visible), *self._sent_only())

    def _attribute(self, name: str) -> Attribute:
        if name in self.resource.computed:
            annotation, _, doc = self.resource.computed[name]
            late = name in self.resource.on_request
            return Attribute(name, annotation, doc, "never", None, required=False, on_request=late)
        spec = self.resource.fields[name]
        creates, updates = (verb in spec.mark.write and self.can(verb) for verb in ("create", "update"))
        settable = "always" if creates and updates else "create" if creates else "update" if updates else "never"
        default = None if spec.required or not creates else spec.default
        return Attribute(
            name,
            spec.annotation,
            spec.description,
            settable,
            default,
            required=spec.required and creates,
            by_key="merge" in spec.mark.write,
        )

    def _sent_only(self) -> list[Attribute]:
        return [
            Attribute(
                name, annotation, info.description or "", "create", _default(info), required=False, sent_only=True
            )
            for name, (annotation, info) in self.resource.extra_create.items()
            if name not in HIDDEN
        ]

    @property
    def creatable(self) -> list[Attribute]:
        """What a constructor takes."""
        return [a for a in self.attributes if a.settable in ("create", "always")] if self.can("create") else []

    @property
    def updatable(self) -> list[Attribute]:
        """What ``update()`` takes."""
        return [a for a in self.attributes if a.settable in ("update", "always")]

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The client's own arguments of the constructor."""
        return CLIENT_ARGUMENTS.get(self.name, ())

    @property
    def filters(self) -> dict[str, FilterSpec]:
        """All filters by name."""
        return self.resource.filters

    def filter_type(self, spec: FilterSpec) -> str:
        """The type of a filter's argument."""
        nullable = spec.op in ("eq", "ne") and bool(spec.field and spec.field.nullable)
        return types.filtered(spec.annotation, many=spec.many, nullable=nullable or _is_id(spec))

    @property
    def orderings(self) -> list[str]:
        """All words that ``order_by`` takes."""
        return [sign + name for name in self.resource.orderings for sign in ("", "-")]

    @cached_property
    def vocabularies(self) -> dict[str, tuple[str, ...]]:
        """The Literal aliases that the types name, by name."""
        annotations = [a.annotation for a in self.attributes] + [f.annotation for f in self.filters.values()]
        return dict(alias for a in annotations if (alias := types.vocabulary(a)))


def _is_id(spec: FilterSpec) -> bool:
    # job.id is "int | None" to a type checker; filters by id take it as it is.
    return spec.op in ("eq", "join") and (spec.name == "id" or spec.name.endswith("_id"))


def _default(info: Any) -> Any:
    return info.get_default(call_default_factory=True, validated_data={})
