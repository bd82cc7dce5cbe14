"""The workflow, written with the public API: three Apps and one graph of Jobs, created in one call.

split deals the source files of the standard library into lists; an analyse job for each list reads its files as syntax
trees; merge combines what they found. One of the analyse jobs fails at first, on purpose, and is run again.
"""

import shlex
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from storax.api import App, Job

SITE = "local"
SOURCE = Path(sysconfig.get_paths()["stdlib"])
SCRIPTS = Path(__file__).parent / "scripts"
TAGS = {"workflow": "stdlib"}


def command(script: str, *arguments: str) -> str:
    """Return the command template of a script of the demo, run by this Python, with its arguments."""
    # No site packages: the scripts need none, and start in half the time.
    return " ".join([shlex.quote(sys.executable), "-S", "-E", shlex.quote(str(SCRIPTS / script)), *arguments])


class Split(App):
    """Deal the Python files below a folder into lists of about equal size."""

    site = SITE
    command_template = command("split.py", "{{ source }}", "{{ parts }}", "../lists")


class Analyse(App):
    """Read the files of one list as syntax trees, and count what is in them."""

    site = SITE
    command_template = command(
        "analyse.py", "../../lists/{{ part }}.txt", "../../facts/{{ part }}.json", "{{ source }}", "{{ fail_first }}"
    )
    parameters = {"fail_first": {"required": False, "default": "no", "help": "Whether its first run shall fail."}}


class Merge(App):
    """Combine what the analyses wrote."""

    site = SITE
    command_template = command("merge.py", "../facts", "report.json")


@dataclass(frozen=True)
class Workflow:
    """The jobs of one run; ``flaky`` is the one of ``analyses`` that fails at first."""

    split: Job
    analyses: list[Job]
    merge: Job
    flaky: Job

    @property
    def jobs(self) -> list[Job]:
        """All jobs, parents first."""
        return [self.split, *self.analyses, self.merge]


def publish() -> None:
    """Store the Apps at the site."""
    for app in (Split, Analyse, Merge):
        app.sync()


def submit(*, parts: int, source: Path = SOURCE) -> Workflow:
    """Create the whole graph in one call: children name parents that have no id yet."""
    split = Split.submit("demo/split", save=False, source=str(source), parts=parts, tags=TAGS)
    analyses = [_analysis(part, parent=split, source=source) for part in range(parts)]
    merge = Job(app=Merge, workdir="demo/merge", parent_ids=analyses, tags=TAGS)
    flow = Workflow(split, analyses, merge, flaky=analyses[0])
    Job.objects.bulk_create(flow.jobs)
    return flow


def _analysis(part: int, *, parent: Job, source: Path) -> Job:
    flaky = part == 0
    return Job(
        app=Analyse,
        workdir=f"demo/analyse/{part:03d}",
        parameters={"part": f"{part:03d}", "source": str(source), **({"fail_first": "yes"} if flaky else {})},
        parent_ids=[parent],
        max_attempts=2 if flaky else 1,
        retry_delay_sec=1 if flaky else 0,
        tags=TAGS,
    )
