"""`storax job tree`: the jobs above and below a job."""

import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.job.pictures.outline import Outline, downwards, outline, share, upwards
from storax.cli.job.pictures.reading import FIELDS, Branch, Jobs, Row, ancestors, descendants
from storax.cli.terminal.failures import NOT_FOUND, CommandError
from storax.cli.terminal.listing import named
from storax.cli.terminal.output import Form, Output, note, show, text_of
from storax.cli.terminal.select import one_id
from storax.cli.terminal.streams import takes
from storax.cli.terminal.table import Paint
from storax.cli.terminal.visible import say_coloured

if TYPE_CHECKING:
    from rich.tree import Tree

MOST_LINES = 300
FRAME = 7  # lines beside those of relatives: the job, two headings, and what is left out of each
COLUMNS = ("id", "level", "state", "app", "site", "workdir", "tags", "parent_ids")
WIDEST = 1_000_000  # columns; a long line is wrapped by the terminal, never cut


def tree(
    job: Annotated[str, typer.Argument(help="Job id, or `last`.")],
    depth: Annotated[int, typer.Option("--depth", min=1, help="Largest number of levels above and below.")] = 5,
    output: Output = Form.TABLE,
) -> None:
    """Show the graph around a job: its parents and theirs, its children and theirs.

    A job with several ways to it stands in full once, and later as "see above". A tree has 300 lines at most; -o json,
    ndjson, csv and ids print all jobs of these levels, with `level` below 0 for ancestors and above 0 for descendants.
    With -o wide, lines have tags too.

    \b
    Examples:
      storax job tree 12
      storax job tree last --depth 2
      storax job tree 12 -o ids | xargs storax job show
    """
    first = _read(one_id(job))
    most = MOST_LINES if output.for_people else None
    above, below = ancestors(first, depth, most), descendants(first, depth, most)
    levels = {-number: rows for number, rows in enumerate(above.levels, 1)} | {0: [first]}
    levels |= dict(enumerate(below.levels, 1))
    rows = [row | {"level": level} for level in sorted(levels) for row in levels[level]]
    named(rows, ("app", "site") if not output.for_people else ("app",))
    if output.for_people:
        _print(first["id"], {row["id"]: row for row in rows}, above, below, depth=depth, wide=output is Form.WIDE)
    else:
        show(({name: row[name] for name in COLUMNS} for row in rows), form=output, columns=COLUMNS)


def _read(job_id: int) -> Row:
    from storax.models.job import Job

    rows = Job.objects.filter(id=job_id).values(*FIELDS)
    if not rows:
        raise CommandError(f"There is no job {job_id}.", hint="It may have been deleted.", status=NOT_FOUND)
    return rows[0]


def _print(job_id: int, jobs: Jobs, above: Branch, below: Branch, *, depth: int, wide: bool) -> None:
    from rich.tree import Tree

    up = outline(job_id, upwards(job_id, above.rows, jobs[job_id]["parent_ids"]), MOST_LINES)
    down = outline(job_id, downwards(job_id, below.rows), MOST_LINES)
    up, down = share(up, down, MOST_LINES - FRAME)
    labels = {number: _label(row, wide=wide, bold=number == job_id) for number, row in jobs.items()}
    whole = Tree(_text(labels[job_id]))
    for heading, branch, lines in (("parents", above, up), ("children", below, down)):
        if branch.levels or branch.unread:
            _grow(whole.add(heading), lines, labels, _more(branch, lines, depth))
    say_coloured(*_drawn(whole))
    if not whole.children:
        note(f"There is no job above or below job {job_id}.")


def _label(row: Mapping[str, Any], *, wide: bool, bold: bool) -> str:
    """Return what a line says of a job: who it is, how it is, and where."""
    paint = Paint(sys.stdout)
    number = str(row["id"])
    cells = [paint.bold(number) if bold else number, text_of(row["app"]), paint.state(row["state"])]
    cells += [text_of(row[name]) for name in (("workdir", "tags") if wide else ("workdir",)) if row[name]]
    return "  ".join(cells)


def _more(branch: Branch, lines: Outline, depth: int) -> Iterator[str]:
    """Yield what is left out of a branch, and how to see it."""
    dots = "…" if takes("…", sys.stdout) else "..."
    if branch.cut:
        yield f"{dots} and at least {lines.hidden + branch.unread} more; -o ndjson prints all of --depth {depth}."
        return
    if lines.hidden:
        yield f"{dots} and {lines.hidden} more; -o ndjson prints all of --depth {depth}."
    if branch.unread:
        yield f"{dots} and {branch.unread} more one level further; use --depth {depth + 1}."


def _grow(heading: "Tree", outlined: Outline, labels: Mapping[int, str], more: Iterable[str]) -> None:
    """Add the lines of an outline below their heading, and what is left out of it."""
    nodes = [heading]
    for line in outlined.lines:
        del nodes[line.depth :]
        label = labels[line.job_id] + ("  (see above)" if line.again else "")
        nodes.append(nodes[-1].add(_text(label)))
    for text in more:
        heading.add(text)


def _text(label: str) -> Any:
    from rich.text import Text

    return Text.from_ansi(label)


def _drawn(whole: "Tree") -> list[str]:
    """Return the lines of a tree: with box characters, or with ASCII where stdout takes no others."""
    from rich.console import Console  # a requirement of Typer

    encoding = sys.stdout.encoding or "utf-8"
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")  # Console ends on a closed pipe
    console = Console(
        file=out, width=WIDEST, color_system="standard", force_jupyter=False, legacy_windows=False,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    console.print(whole, soft_wrap=True)
    out.seek(0)
    return out.read().splitlines()
