"""Optional servers that some tests need: each has a make target, which installs the server and runs its tests.

A test says what it needs by ``@pytest.mark.needs("slurm")``, a parameter by ``marks=needs("ssh")``, a fixture by its
line in ``FIXTURES``. ``make test`` runs none of these tests, whether the machine has the program or not, so its result
does not depend on what is installed. A target that was chosen fails where its program is missing.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable

import pytest

TARGETS = {
    "browser": "make test-browser",
    "documents": "make test-documents",
    "fuzz": "make test-fuzz",
    "grid-engine": "make test-grid-engine",
    "mariadb": "make test-mariadb",
    "open-mpi": "make test-open-mpi",
    "partition": "make test-partition",
    "root": "make test-root",
    "slurm": "make test-slurm",
    "spark": "make test-spark",
    "ssh": "make test-ssh",
    "upgrade": "make test-upgrade",
    "wheel": "make test-wheel",
}
# A fixture that starts an optional server, and what its tests need.
FIXTURES = {
    "mariadb": ("mariadb",),
    "real_slurm": ("slurm", "root"),
    "real_sge": ("grid-engine", "root"),
    "sshd": ("ssh",),
    "tiny": ("root",),
}
SLOW_SEC = 20.0  # a test that takes longer names its reason: @pytest.mark.slow("why")
SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/sbin"  # where Debian puts servers, and not every PATH leads


def needs(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test, or of a parameter, that runs only in the target of one of these needs.

    Raises:
        ValueError: a need without a make target.
    """
    if unknown := set(names) - TARGETS.keys():
        raise ValueError(f"no make target for {', '.join(sorted(unknown))}: see tests/needs.py")
    return pytest.mark.needs(*names)


def program(name: str) -> str | None:
    """Return the path of a program, looking where servers are installed too; None if it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}")


def require(need: str, *programs: str) -> None:
    """Fail the test if a program is not installed, and name the command that installs it."""
    if missing := [name for name in programs if program(name) is None]:
        pytest.fail(f"{', '.join(missing)} not installed; as root, `{TARGETS[need]}` installs what is missing")


def needs_of(item: pytest.Item) -> set[str]:
    """Return all needs of a test: of its marks, its parameters and its fixtures."""
    marked = {name for mark in item.iter_markers("needs") for name in mark.args}
    return marked.union(*(FIXTURES.get(name, ()) for name in getattr(item, "fixturenames", ())))


def choose(items: list[pytest.Item], chosen: set[str], *, root: bool) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Split tests into those to keep and those to deselect, and mark as skipped those whose needs are not met.

    Args:
        items: all collected tests.
        chosen: needs whose target runs, which keeps only its tests; empty for ``make test``, which keeps all.
        root: whether root runs them. A target runs its tests that need root as well then; ``make test`` never does.
    """
    met = chosen | ({"root"} if chosen and root else set())
    kept, dropped = [], []
    for item in items:
        wanted = needs_of(item)
        if chosen and not (wanted & chosen and wanted <= met | {"root"}):
            dropped.append(item)
            continue
        kept.append(item)
        if wanted - met:
            target = TARGETS[min(wanted - {"root"}, default="root")]
            item.add_marker(pytest.mark.skip(reason=f"{target}, as root" if "root" in wanted and chosen else target))
    return kept, dropped


def summary(reasons: Iterable[str]) -> list[str]:
    """Return the lines that list skipped tests by reason."""
    return [f"{number} skipped: {reason}" for reason, number in sorted(Counter(reasons).items())]


def unexplained(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the lines that name tests over ``SLOW_SEC`` seconds without the mark ``slow`` and its reason."""
    slow = [one for one in reports if one.duration > SLOW_SEC and "slow" not in one.keywords]
    return [f"slow without a reason: {one.duration:.0f} s {one.nodeid}" for one in slow]
