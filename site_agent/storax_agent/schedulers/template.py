"""From a site's ``job-template.sh`` and a BatchJob to a job script.

A template has places such as ``{{ num_nodes }}``; ``{{ run }}`` is the part that Storax needs and nobody else reads.
Every value is checked before it is used, and quoted for the shell as well: neither a user's parameter nor the name of a
queue can end a line, a word, or a directive.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from storax_agent.schedulers.base import Request

NAME = "job-template.sh"
SAFE = re.compile(r"[\w .,:;+@%/=\[\]^~-]*", re.ASCII)
# A directive of a batch system is no shell: some split a value at blanks, whatever its quotes.
OPTION = re.compile(r"(^|\s)-")
# $1 is the folder of claims and exits. The claim is made once: a script that was queued twice ends at once. The runner
# is a child, so that the shell outlives the signal that ends it and can tell how it ended. A signal ends the shell's
# wait with a code of its own, so it waits until none came meanwhile; a child's code can be waited for again. The wall
# time counts from the script's first line: SECONDS, where the shell has it, is what the lines before this part took.
RUN = """\
storax_id="${{SLURM_JOB_ID:-${{PBS_JOBID:-${{LSB_JOBID:-${{JOB_ID:-none}}}}}}}}"
storax_folder={folder}
storax_began="${{SLURM_JOB_START_TIME:-$(($(date +%s) - ${{SECONDS:-0}}))}}"
(set -C; printf '%s\\n' "$storax_id" > "$storax_folder/"{claim}) 2>/dev/null \\
  || [ "$(cat "$storax_folder/"{claim})" = "$storax_id" ] || [ ! -s "$storax_folder/"{claim} ] \\
  || {{ echo "this BatchJob has begun as $(cat "$storax_folder/"{claim}); nothing to do"; exit 0; }}
storax_told=
trap 'storax_told=1; kill -TERM "$storax_runner" 2>/dev/null' TERM INT USR1 USR2 XCPU
STORAX_BEGAN="$storax_began" {runner} &
storax_runner=$!
[ -z "$storax_told" ] || kill -TERM "$storax_runner" 2>/dev/null
storax_told=1
while [ -n "$storax_told" ]; do storax_told=; wait "$storax_runner"; storax_code=$?; done
storax_exit="$storax_folder/$(printf '%s' "$storax_id" | tr -c 'A-Za-z0-9_.[]-' _).exit"
printf 'version=2 exit_code=%s began=%s ended=%s\\n' "$storax_code" "$storax_began" "$(date +%s)" > "$storax_exit.new"
mv "$storax_exit.new" "$storax_exit"
exit "$storax_code"
"""


class TemplateError(ValueError):
    """The template or a value cannot become a script; the message says which and why."""


class _Verbatim(str):
    """Text that is shell already."""

    __slots__ = ()


def default(kind: str) -> str:
    """The template that ships for a kind of scheduler."""
    return (files("storax_agent.schedulers") / "templates" / f"{kind}.sh").read_text(encoding="utf-8")


def render(text: str, request: Request, *, runner: Sequence[str], folder: Path, params: Mapping[str, str]) -> str:
    """The script of one BatchJob. ``runner`` is the command on the head node, ``params`` are values by name.

    Raises:
        TemplateError: a value holds a character that a script cannot, or the template has an error.
    """
    values: dict[str, Any] = {
        "num_nodes": request.num_nodes,
        "wall_time_min": request.wall_time_min,
        "wall_time": f"{request.wall_time_min // 60:02}:{request.wall_time_min % 60:02}:00",
        "queue": _checked("queue", request.queue),
        "project": _checked("project", request.project),
        "job_mode": request.job_mode,
        "batch_job_id": request.batch_job_id,
        "params": {name: _checked(f"optional parameter {name!r}", value) for name, value in params.items()},
        "run": _Verbatim(_run(request, runner, folder)),
    }
    return _rendered(text, values)


def _run(request: Request, runner: Sequence[str], folder: Path) -> str:
    claim = shlex.quote(f"{request.batch_job_id}.claim")
    return RUN.format(folder=shlex.quote(str(folder)), claim=claim, runner=shlex.join(runner))


def _checked(what: str, value: str) -> str:
    if not SAFE.fullmatch(value):
        bad = next(sign for sign in value if not SAFE.fullmatch(sign))
        raise TemplateError(f"{what} is {value[:100]!r}; {bad!r} cannot stand in a job script")
    if OPTION.search(value):
        raise TemplateError(f"{what} is {value[:100]!r}; a word that begins with '-' would be an option of its own")
    return value


def _rendered(text: str, values: Mapping[str, Any]) -> str:
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2 import TemplateError as Flaw
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, finalize=_word, keep_trailing_newline=True, trim_blocks=True
    )
    try:
        script = environment.from_string(text).render(values)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{NAME}, line {error.lineno}: {error.message}") from error
    except (Flaw, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise TemplateError(f"{NAME}: {error}") from error
    if values["run"] not in script:
        raise TemplateError(f"{NAME} has no {{{{ run }}}}, the part that starts the runner")
    return script


def _word(value: object) -> str:
    return value if isinstance(value, _Verbatim) else shlex.quote(str(value))
