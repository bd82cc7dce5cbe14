"""Reports on jobs: one HTML file about a campaign, without scripts and without outside requests.

``storax.report.write(Job.objects.filter(tags={"campaign": "a"}), "report.html")`` writes what `storax report` writes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax.report.collect import Report

LIMIT = 10_000
MAX_LIMIT = 100_000

__all__ = ["LIMIT", "MAX_LIMIT", "html", "read", "write"]


def read(query: Any, *, limit: int = LIMIT, command: str = "") -> "Report":
    """Read what a report says of jobs, at the last position of the log, or that of the query's ``as_of()``.

    Args:
        query: Query of jobs, such as ``Job.objects.filter(tags={"campaign": "a"})``; its order does not count.
        limit: Greatest number of jobs, 1 to 100,000, by default 10,000: the newest ones, and the report says so.
        command: What the report names as its origin; by default the call and the filters.

    Raises:
        DoesNotExist: no job matches.
        InvalidInput: the limit is out of range.
        SlicedQuery: the query was sliced.
    """
    from storax.errors import InvalidInput
    from storax.report.collect import collect

    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must be 1 to {MAX_LIMIT}, not {limit}.")
    return collect(query, limit=limit, command=command)


def html(report: "Report") -> str:
    """Return a report as one HTML document, in which all texts are escaped; the same report gives the same document."""
    from storax.report.page import render

    return render(report)


def write(query: Any, path: "str | Path", *, limit: int = LIMIT, force: bool = False, command: str = "") -> "Report":
    """Read a report and write it to a file, in one step: a reader sees the whole file or none.

    Args:
        query: Query of jobs, as for ``read``.
        path: The HTML file to make; its folder exists.
        limit: Greatest number of jobs, 1 to 100,000; by default 10,000.
        force: Whether to replace a file that exists; by default False.
        command: What the report names as its origin; by default the call and the filters.

    Returns:
        What the file says, as numbers.

    Raises:
        Conflict: the file exists, and ``force`` is False.
        DoesNotExist: no job matches.
        InvalidInput: the folder does not exist, ``path`` is a folder, or the limit is out of range.
        SlicedQuery: the query was sliced.
    """
    from storax._runtime.atomic_files import atomic_write

    file = Path(path)
    require_free(file, force=force)
    report = read(query, limit=limit, command=command)
    content = html(report)
    require_free(file, force=force)  # reading may have taken minutes
    atomic_write(file, content)
    return report


def require_free(file: Path, *, force: bool) -> None:
    """Refuse a path at which no report may be written.

    Raises:
        Conflict: the file exists, and ``force`` is False.
        InvalidInput: its folder does not exist, or it is a folder.
    """
    from storax.errors import Conflict, InvalidInput

    if file.is_dir():
        raise InvalidInput(f"{file} is a folder.", hint=f"Name a file in it, such as {file / 'report.html'}.")
    if not file.parent.is_dir():
        raise InvalidInput(f"The folder {file.parent} does not exist.", hint="Create it first, or name another file.")
    if not force and (file.exists() or file.is_symlink()):
        raise Conflict(f"{file} exists already.", hint="Name another file, or replace it with force=True.")
