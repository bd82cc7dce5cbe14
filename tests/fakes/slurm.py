"""A real Slurm of Debian's packages, private to a test run: munged, slurmctld and some slurmd on one host, by pid.

Needs root (slurmd starts job steps as their owners) and no systemd. Nothing outside its folder is touched.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from unittest.mock import patch

from fakes.processes import alive
from needs import program, require
from waiting import eventually

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "sacct", "scontrol")
CONFIG = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
PlugStackConfig={folder}/plugstack.conf
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/jobcomp.log
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=60
InactiveLimit=0
KillWait=8
MinJobAge={min_job_age}
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port={ports} CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=01:00:00 State=UP
PartitionName=short Nodes=n1 Default=NO MaxTime=00:10:00 State=UP
"""


class RealSlurm:
    """``start`` and ``stop`` it; while it runs, SLURM_CONF in this process names it."""

    def __init__(self, folder: Path, *, nodes: int = 2, min_job_age: int = 300) -> None:
        self.folder, self._nodes, self._min_job_age = folder, nodes, min_job_age
        self._changed = patch.dict(os.environ, SLURM_CONF=str(folder / "slurm.conf"))

    def start(self) -> "RealSlurm":
        require("slurm", *PROGRAMS)
        for name in ("state", "log", "run", "spool"):
            (self.folder / name).mkdir(parents=True, mode=0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        munge = ["--socket", self.folder / "run/munge.sock", "--pid-file", self.folder / "run/munged.pid"]
        munge += ["--log-file", self.folder / "log/munged.log", "--seed-file", self.folder / "munge.seed"]
        self._run("munged", "--force", "--key-file", key, *munge)
        self._write()
        self._changed.start()
        self._run("slurmctld", "-f", self.folder / "slurm.conf")
        for number in range(1, self._nodes + 1):
            (self.folder / f"spool/n{number}").mkdir()
            self._run("slurmd", "-f", self.folder / "slurm.conf", "-N", f"n{number}")
        eventually(lambda: set(self.ask("sinfo", "-h", "-N", "-o", "%T").split()) == {"idle"})
        return self

    def stop(self) -> None:
        """End its daemons, the nodes first."""
        subprocess.run(["scancel", "-u", "root"], timeout=60, capture_output=True, check=False)
        for name in ("slurmd.*.pid", "slurmctld.pid", "munged.pid"):
            pids = [int(path.read_text()) for path in (self.folder / "run").glob(name)]
            for pid in pids:
                _end(pid)
        self._changed.stop()

    def ask(self, *argv: str) -> str:
        """What one of its commands prints."""
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout

    def control(self, *arguments: str) -> None:
        """``scontrol``."""
        subprocess.run(["scontrol", *arguments], check=True, timeout=60, capture_output=True)

    def clear(self) -> None:
        """End all its jobs, and wait until they hold no node."""
        self.ask("scancel", "-u", "root")
        eventually(lambda: not self.ask("squeue", "-h"))

    def revive(self, node: str) -> None:
        """Bring a node back; one that still answers comes back by itself, and then cannot be resumed."""
        subprocess.run(
            ["scontrol", "update", f"nodename={node}", "state=resume"], timeout=60, capture_output=True, check=False
        )
        eventually(lambda: self.ask("sinfo", "-h", "-n", node, "-o", "%T").split()[:1] != ["down"])

    def _write(self) -> None:
        first = free_ports(self._nodes + 1)
        ports = f"[{first + 1}-{first + self._nodes}]" if self._nodes > 1 else str(first + 1)
        text = CONFIG.format(
            host=socket.gethostname().partition(".")[0],
            folder=self.folder,
            port=first,
            ports=ports,
            nodes=self._nodes,
            min_job_age=self._min_job_age,
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (self.folder / "plugstack.conf").write_text("")

    def _run(self, *argv: object) -> None:
        command = [str(word) for word in argv]
        command[0] = program(command[0]) or command[0]
        # Not captured by pipes: the daemons would hold them open.
        with (self.folder / "log" / "start.log").open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, timeout=60, check=False)
        assert done.returncode == 0, (self.folder / "log" / "start.log").read_text()


def free_ports(number: int) -> int:
    """The first of so many free ports in a row."""
    for first in range(22000 + os.getpid() % 5000, 32000, number):
        held = []
        try:
            for port in range(first, first + number):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return first
        finally:
            for one in held:
                one.close()
    raise RuntimeError("no free ports")


def _end(pid: int) -> None:
    if not alive(pid):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
