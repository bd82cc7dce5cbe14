"""The ``await`` twins of queries and instances, from the source of their blocking methods."""

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.codegen.noun import Noun, class_of

CLIENT = Path(__file__).resolve().parents[2] / "client" / "storax"
# The general classes below the generated ones, nearest first.
QUERY_BASES = ("_orm.changes.ChangeQuery", "_orm.query.Query", "_orm.to_frames.Frames")
MODEL_BASE = "_orm.instance.Model"
# Methods that only build another query: they send no request.
BUILDERS = frozenset({"filter", "exclude", "all", "order_by", "using", "as_of"})
# Models whose hand-written calls have twins; those of allocations send no request.
WITH_OWN_CALLS = frozenset({"App", "Job", "Session", "Webhook"})
WAITS = frozenset({"wait", "result", "as_completed", "watch", "acquire_jobs"})
# Of a class, or of both a class and its instances: their twins are too.
DECORATORS = frozenset({"classmethod", "OnBoth"})
TYPE_VARIABLES = {"M": "", "J": "", "AppT": "App", "JobT": "Job"}  # and the model that each stands for; empty: its own
# Methods of instances that send no request, or return a query.
LOCAL = frozenset({"parent_query", "children", "history", "resolve_workdir", "get_parameters", "set_parameters"})
# Where the names that the twins mention come from.
NAMES = {
    **dict.fromkeys(("AsyncObjects", "AsyncQuery", "in_own_thread", "in_thread"), "_orm.asynchronous"),
    **dict.fromkeys(("iterate_ends", "iterate_rows"), "_orm.asynchronous"),
    "AsyncEventStream": "_events.asynchronous", "PATIENCE_SEC": "_events.stream", "Positioned": "_orm.query_plan",
    "Unavailable": "errors",
    "PAGE": "_orm.query_plan", "ReturnWhen": "_jobs.waiting", "CancelCount": "_jobs.job", "JobFile": "_jobs.files",
    "FailureGroup": "_jobs.over_time.failure_groups", "Retried": "_jobs.queries",
    "JobGraph": "_jobs.graph", "LaneBy": "_jobs.over_time.runs", "Runs": "_jobs.over_time.runs",
    "Metrics": "_jobs.over_time.metrics", "Throughput": "_jobs.over_time.throughput",
    "Client": "client", "arguments": "_orm.query",
    "OnBoth": "_jobs.app", "Takeable": "models.job_rules",
}  # fmt: skip
# Models that are named in twins of other modules, as the types of arguments and results alone.
MODELS = {("job", "Site"): "site", ("session", "Job"): "job"}


@dataclass(frozen=True)
class Twin:
    """One method of a twin: its name, parameters without ``self``, type of the result, and the call that it makes."""

    name: str
    parameters: str
    returns: str
    kind: str
    of: str
    forwarded: str
    decorator: str = ""

    @property
    def source(self) -> str:
        """The method as source, indented as in a class."""
        target = "self._query" if self.kind != "instance" else "cls" if self.decorator == "classmethod" else "self"
        call, head = f"{target}.{self.of}", f"def {self.name}({self.parameters}) -> "
        decorator = f"    @{self.decorator}\n" if self.decorator else ""
        doc = f'        """``{self.of}()``, awaited."""'
        arguments = f", {self.forwarded}" if self.forwarded else ""
        if item := re.fullmatch(r"EventStream\[(.*)\]", self.returns):
            stream = f"AsyncEventStream(lambda: {call}({self.forwarded}))"
            return f"    {head}AsyncEventStream[{item[1]}]:\n{doc}\n        return {stream}\n"
        if item := re.fullmatch(r"Iterator\[(.*)\]", self.returns):
            run = "iterate_ends" if self.of in WAITS else "iterate_rows"
            body = f"        return {run}(lambda: {call}({self.forwarded}))"
            return f"    {head}AsyncIterator[{item[1]}]:\n{doc}\n{body}\n"
        run = "in_own_thread" if self.of in WAITS else "in_thread"
        return f"{decorator}    async {head}{self.returns}:\n{doc}\n        return await {run}({call}{arguments})\n"


def query_twins(noun: Noun, generated: str) -> list[Twin]:
    """Return the twins of the methods of a noun's query."""
    bases = [noun.base.query] if noun.base and noun.base.query else []
    skipped = () if noun.can("update") or noun.can("delete") else (QUERY_BASES[0],)
    classes = [
        _class(generated, f"{noun.name}Query"),
        *(_client_class(b) for b in (*bases, *QUERY_BASES) if b not in skipped),
    ]
    return list(_twins(noun, classes, "query"))


def manager_twins(noun: Noun, generated: str) -> list[Twin]:
    """Return the twins of the methods that only the manager of a noun has."""
    bases = [noun.base.manager] if noun.base and noun.base.manager else []
    return list(_twins(noun, [_class(generated, f"{noun.name}Manager"), *map(_client_class, bases)], "manager"))


def instance_twins(noun: Noun) -> list[Twin]:
    """Return the twins of the methods of an instance: the same names after an ``a``."""
    bases = [noun.base.model] if noun.base and noun.name in WITH_OWN_CALLS else []
    unable = {name for name, verb in (("save", "update"), ("delete", "delete")) if not noun.can(verb)}
    twins = _twins(noun, [_client_class(base) for base in (*bases, MODEL_BASE)], "instance")
    return [twin for twin in twins if twin.of not in LOCAL | unable]


def builders(noun: Noun, generated: str) -> dict[str, str]:
    """Return the parameters of the methods that build another query, by name."""
    functions = {f.name: f for f in _methods(_class(generated, f"{noun.name}Query"))}
    return {name: _parameters(noun, functions[name]) for name in ("filter", "exclude", "all", "order_by")}


def imported(body: str) -> Iterator[str]:
    """Return the imports that the twins in ``body`` need."""
    for name, module in NAMES.items():
        if re.search(rf"\b{name}\b", body):
            yield f"from storax.{module} import {name}"


def typed(module: str) -> Iterator[str]:
    """Return the imports that a module needs for type checkers alone."""
    for (place, name), home in MODELS.items():
        if place == module:
            yield f"from storax.models.{home} import {name}"


FOR_TEMPLATES = (query_twins, manager_twins, instance_twins, builders)


def _twins(noun: Noun, classes: list[ast.ClassDef], kind: str) -> Iterator[Twin]:
    seen: set[str] = set()
    for function in (f for node in classes for f in _methods(node)):
        if function.name not in seen | BUILDERS:
            seen.add(function.name)
            yield _twin(noun, function, kind)


def _twin(noun: Noun, function: ast.FunctionDef, kind: str) -> Twin:
    name = f"a{function.name}" if kind == "instance" else function.name
    name += "_" if keyword.iskeyword(name) else ""
    returns = _typed(noun, ast.unparse(_unquoted(function.returns)) if function.returns else "None")
    decorator = ast.unparse(function.decorator_list[0]) if function.decorator_list else ""
    return Twin(name, _parameters(noun, function), returns, kind, function.name, _forwarded(function), decorator)


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Return the public methods of a class; not its properties and static methods."""
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_") and _is_call(function):
            yield function


def _is_call(function: ast.FunctionDef) -> bool:
    return {ast.unparse(decorator) for decorator in function.decorator_list} <= DECORATORS


def _parameters(noun: Noun, function: ast.FunctionDef) -> str:
    for arg in ast.walk(function.args):
        if isinstance(arg, ast.arg) and arg.annotation:
            arg.annotation = _unquoted(arg.annotation)
    return _typed(noun, ast.unparse(function.args))


def _unquoted(annotation: ast.expr) -> ast.expr:
    quoted = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    return ast.parse(annotation.value, mode="eval").body if quoted else annotation  # type: ignore[attr-defined]


def _typed(noun: Noun, text: str) -> str:
    """Name the model where the source has a type variable."""
    for variable, model in TYPE_VARIABLES.items():
        text = re.sub(rf"\b{variable}\b", model or noun.name, text)
    return text


def _forwarded(function: ast.FunctionDef) -> str:
    """Return the arguments of the blocking call."""
    args = function.args
    if args.kwarg and args.kwarg.arg == "unknown":
        return "**arguments(locals())"
    positional = [arg.arg for arg in args.args[1:]]
    rest = [f"*{args.vararg.arg}"] if args.vararg else []
    more = [f"**{args.kwarg.arg}"] if args.kwarg else []
    return ", ".join([*positional, *rest, *(f"{arg.arg}={arg.arg}" for arg in args.kwonlyargs), *more])


@cache
def _client_class(path: str) -> ast.ClassDef:
    module = CLIENT / f"{path.rpartition('.')[0].replace('.', '/')}.py"
    return _class(module.read_text(encoding="utf-8"), class_of(path))


@cache
def _class(text: str, name: str) -> ast.ClassDef:
    return next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
