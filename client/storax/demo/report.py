"""What the demo prints: the merged result, the counts by state, the history of one job, the check of the log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storax.api import Job
from storax.cli.event import print_events
from storax.cli.job.show import format_counts
from storax.cli.terminal.output import Form, show
from storax.demo.workflow import TAGS, Workflow


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}\n{'-' * len(text)}")


def print_result(report: Mapping[str, Any], *, source: str) -> None:
    """Print the merged result."""
    title(f"What {source} holds")
    print(", ".join(f"{count:,} {name}" for name, count in report["totals"].items()))
    _ranking("Modules that most files import", ((count, name) for name, count in report["imports"]), "files")
    _ranking("Largest files", report["largest"], "lines")
    _ranking("Longest functions", report["longest"], "lines")


def _ranking(heading: str, rows: Iterable[Sequence[Any]], unit: str) -> None:
    print(f"\n{heading}:")
    show([{unit: count, "name": name} for count, name in rows], form=Form.WIDE, columns=(unit, "name"))


def print_counts(flow: Workflow) -> None:
    """Print the jobs by state, as the API counts them, and whether their results add up."""
    title("The jobs, as the API counts them")
    print(format_counts(Job.objects.filter(tags=TAGS).counts("state")))
    lines = sum(job.return_value["lines"] for job in flow.analyses)
    merged = flow.merge.return_value["totals"]["lines"]
    verdict = "as many as" if lines == merged else f"BUT NOT THE {merged:,}"
    print(f"The results of {len(flow.analyses)} analyse jobs add up to {lines:,} lines, {verdict} merge counted.")


def print_history(job: Job) -> None:
    """Print every event of one job."""
    title(f"The history of job {job.id}, which failed once on purpose and was run again")
    print_events(job.history(), form=Form.WIDE, columns=None, of_one=True)
