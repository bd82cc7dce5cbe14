"""One cluster of each kind, for tests: its programs on the PATH, behind wrappers that count calls and can go wrong."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from needs import needs
from storax_agent.schedulers.base import Request, Scheduler, Status
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.local import LocalScheduler
from storax_agent.schedulers.registry import scheduler_of
from storax_agent.schedulers.template import NAME, default
from storax_agent.settings.site import SiteFolder, SiteSettings
from waiting import eventually

HERE = Path(__file__).parent
REAL = {"slurm": "slurm", "real_sge": "sge"}  # the others are stand-ins
KINDS = ("local", "slurm", "pbs", "lsf", "sge", "real_sge")


def kinds(*names: str):
    """Parameters for these kinds of cluster; a real one has a target of its own."""
    wanted = {"slurm": needs("slurm", "root"), "real_sge": needs("grid-engine", "root")}
    return [pytest.param(name, marks=wanted[name]) if name in wanted else name for name in names]


PROGRAMS = {
    "slurm": ("sbatch", "squeue", "sacct", "scancel", "sinfo"),
    "pbs": ("qsub", "qstat", "qdel", "pbsnodes"),
    "lsf": ("bsub", "bjobs", "bhist", "bkill", "bqueues"),
    "sge": ("qsub", "qstat", "qacct", "qdel", "qconf"),
}
LISTS = {"slurm": "squeue", "pbs": "qstat -f", "lsf": "bjobs", "sge": "qstat -xml"}
# What each prints when it has no job at all, which a program that forgets prints too.
NOTHING = {
    "slurm": "",
    "pbs": '{"timestamp": 1, "pbs_version": "23", "pbs_server": "server"}\n',
    "lsf": "No job found\n",
    "sge": "<?xml version='1.0'?>\n<job_info>\n  <queue_info>\n  </queue_info>\n</job_info>\n",
}
WRAPPER = """\
#!/bin/sh
echo "{name} $*" >> {place}/calls
case "$(cat {place}/bad 2>/dev/null)" in
  hang) exec sleep 30 ;;
  garbage) head -c 3000 /dev/urandom; echo; exit 0 ;;
  binary_error) head -c 3000 /dev/urandom >&2; exit 7 ;;
  truncated) {real} "$@" > {place}/out.$$; head -c $(( $(wc -c < {place}/out.$$) * 2 / 3 )) {place}/out.$$; exit 0 ;;
  fail) exit 1 ;;
  empty) exit 0 ;;
  forget) cat {place}/nothing; exit 0 ;;
  deaf) {real} "$@" > {place}/unheard; exec sleep 30 ;;
  blind) [ {name} = {lists} ] && exit 1 ;;
  random) read seed < {place}/seed; seed=$(( (seed * 1103515245 + 12345) % 2147483648 )); echo $seed > {place}/seed
    [ $(( seed / 65536 % 3 )) = 0 ] && exit 1 ;;
esac
exec {real} "$@"
"""


class TestCluster:
    """``scheduler`` is a fresh one, as after a crash of the agent; ``bad`` makes its programs go wrong."""

    __test__ = False

    def __init__(self, kind: str, place: Path, monkeypatch: pytest.MonkeyPatch, *, timeout_sec: float = 20.0) -> None:
        self.is_real, kind = kind in REAL, REAL.get(kind, kind)
        self.kind, self.place, self._timeout_sec = kind, place, timeout_sec
        self.folder = SiteFolder(place / "a site")
        self.folder.make()
        self.bin = place / "bin"
        self.bin.mkdir()
        (place / "jobs").mkdir()
        (place / "nothing").write_text(NOTHING.get(kind, ""))
        (place / "calls").touch()
        for name in PROGRAMS.get(kind, ()):
            self._wrap(name)
        if kind == "slurm":  # as a site may: two nodes are too few for whole ones
            text = default("slurm").replace("#SBATCH --exclusive\n", "")
            (self.folder.path / NAME).write_text(text)
        monkeypatch.setenv("PATH", str(self.bin), prepend=os.pathsep)

    def _wrap(self, name: str) -> None:
        if self.is_real:
            real = shutil.which(name)
        else:
            real = f"{sys.executable} -S {HERE / 'batch_programs.py'} {self.kind} {self.place / 'jobs'} {name}"
        path = self.bin / name
        path.write_text(WRAPPER.format(name=name, place=self.place, real=real, lists=LISTS[self.kind].split()[0]))
        path.chmod(0o755)

    def scheduler(self, **settings: object) -> Scheduler:
        """As the agent would make it, but for what runs in its allocations."""
        if self.kind == "local":
            return LocalScheduler(self.folder, runner=self._runner)
        options = {"kind": self.kind, "command_timeout_sec": self._timeout_sec, **settings}
        site = SiteSettings(name="s", site_id=7, url=f"http://x/{self.place}", scheduler=options)
        whole = scheduler_of(self.folder, site)
        assert isinstance(whole, Cluster)
        return Cluster(whole.vendor, self.folder, site, runner=self._runner)

    def _runner(self, batch_job_id: int) -> list[str]:
        path = f"import sys; sys.path[:0] = {sys.path!r}; sys.argv[:] = sys.argv[1:]; import runpy; runpy.run_path(sys.argv[0])"
        return [
            sys.executable,
            "-c",
            path,
            str(HERE / "allocation_runner.py"),
            str(self.folder.path),
            str(batch_job_id),
        ]

    def bad(self, mode: str = "", *, seed: int = 1) -> None:
        """How its programs go wrong from now on; nothing: not at all."""
        (self.place / "seed").write_text(f"{seed}\n")
        (self.place / "bad").write_text(mode)

    def calls(self) -> list[str]:
        """Every command so far."""
        return (self.place / "calls").read_text().splitlines()

    def go(self, number: int, code: int = 0) -> None:
        """Let the runner of a BatchJob end."""
        (self.folder.path / f"go-{number}").write_text(str(code))

    def runs(self, number: int) -> int:
        """How often it has run."""
        path = self.folder.path / f"runs-{number}"
        return path.read_text().count("run") if path.exists() else 0

    def close(self) -> None:
        """Let everything end."""
        self.bad()
        for path in self.folder.path.glob("runs-*"):
            self.go(int(path.name.partition("-")[2]))


def request(number: int, **fields: object) -> Request:
    """A small allocation."""
    return Request(number, 1, 5, "", "", "serial", {})._replace(**fields)


def reached(scheduler: Scheduler, scheduler_id: str, state: str) -> Status:
    """Wait until an allocation is there."""
    return eventually(lambda: (status := scheduler.statuses([scheduler_id])[scheduler_id]).state == state and status)
