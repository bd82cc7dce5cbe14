"""Render each noun as the source of its client module. The same declarations give the same bytes, on any machine."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from storax_core.commands.apps import PARAMETER
from storax_core.lifecycle.states import (
    AGENT_STATES,
    HOOK_STATES,
    HOOKS,
    JOB_DONE,
    JOB_RUNNABLE,
    JOB_TAKEABLE,
    JOB_TRANSITIONS,
    JOB_UNSUCCESSFUL,
    JobState,
)
from storax_core.resources import RESOURCES
from tools.codegen import async_twins, source
from tools.codegen.aggregations import aggregations
from tools.codegen.docstring import docstring
from tools.codegen.imports import import_lines
from tools.codegen.noun import Noun

PACKAGE = '"""The models, one file a noun. Written by `python -m tools.codegen`; do not edit."""\n'
RUFF = ("ruff", "format", "--isolated", "--line-length", "120", "--target-version", "py311", "-")
TEMPLATES = ("model.jinja", "query.jinja", "manager.jinja")


def render_all() -> dict[str, str]:
    """Return every generated file of the client, by file name."""
    modules: dict[str, list[Noun]] = {}
    for noun in (Noun(resource) for resource in RESOURCES if resource.public):
        modules.setdefault(noun.module, []).append(noun)
    files = {f"{module}.py": render(nouns) for module, nouns in modules.items()}
    names = environment().get_template("aggregations.jinja").render(**aggregations())
    files |= {"__init__.py": PACKAGE, "aggregations.py": names, "job_rules.py": render_job_rules()}
    return {name: formatted(text) for name, text in sorted(files.items())}


def render(nouns: Sequence[Noun]) -> str:
    """Return the module of these nouns, not yet formatted."""
    templates = environment()
    aliases = dict.fromkeys(line for noun in nouns for line in source.aliases(noun))
    body = "\n".join([*aliases, *(_classes(templates, noun) for noun in nouns)])
    return templates.get_template("module.jinja").render(nouns=nouns, imports=import_lines(nouns, body), body=body)


def _classes(templates: Environment, noun: Noun) -> str:
    """Return the classes of a noun; those that are awaited follow from the others."""
    generated = "\n".join(templates.get_template(name).render(noun=noun) for name in TEMPLATES)
    return generated + "\n" + templates.get_template("async.jinja").render(noun=noun, generated=generated)


def render_job_rules() -> str:
    """Return the module of what client and agents must know of the states of jobs, not yet formatted."""
    groups = {"takeable": JOB_TAKEABLE, "runnable": JOB_RUNNABLE, "final": JOB_DONE, "unsuccessful": JOB_UNSUCCESSFUL}
    states = {name: list(map(str, group)) for name, group in groups.items()}
    hooks = {str(state): hook for state, hook in HOOKS.items()}
    reportable = (AGENT_STATES | HOOK_STATES) - {JobState.CANCELLED}  # which only a cancellation enters
    settable = {hook: sorted(map(str, {s, *(JOB_TRANSITIONS[s] & reportable)})) for s, hook in HOOKS.items()}
    template = environment().get_template("job_rules.jinja")
    return template.render(hooks=hooks, parameter=PARAMETER.pattern, settable=settable, **states)


def environment() -> Environment:
    """Return the templates' environment: what they may call, besides the noun itself."""
    templates = Environment(  # noqa: S701  it writes Python, not HTML
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["repr"] = repr
    templates.globals |= {
        function.__name__: function for function in (*source.FOR_TEMPLATES, *async_twins.FOR_TEMPLATES, docstring)
    }
    return templates


def formatted(text: str) -> str:
    """Return the text as ruff formats it, by fixed settings, whatever folder this runs in."""
    argv = [sys.executable, "-m", *RUFF]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout
