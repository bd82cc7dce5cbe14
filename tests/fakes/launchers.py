"""Every launcher there is, on this one machine: its nodes are folders, its remote starts are real."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from fakes.processes import alive, in_group, watches
from needs import needs, program, require
from storax_agent.files.locks import holder
from storax_agent.launch.allocation import AllocationLauncher
from storax_agent.launch.local import LocalLauncher
from storax_agent.launch.mpi import LAUNCHES, detect
from storax_agent.launch.nodes.bridge import private_folder
from storax_agent.launch.nodes.clusters.base import NodeInfo
from storax_agent.launch.nodes.clusters.ssh import by_template
from storax_agent.launch.nodes.spawner_connection import NodeLink, local_connection, remote_connection
from storax_agent.launch.spawner.start import NodeResources
from storax_agent.launch.work import Lease, Work
from waiting import eventually

KINDS = ("local", "nodes", "ssh", "mpi")


def kinds(*names):
    """Parameters for these kinds of launcher; that over ssh runs where there is an sshd."""
    return [pytest.param(name, marks=needs("ssh")) if name == "ssh" else name for name in names]


BIN = Path(sys.executable).parent


def mpiexec():
    """The folder of a real mpiexec: MPICH's, which the development packages bring."""
    assert detect(str(BIN)) == "hydra"
    return str(BIN)


class Bench:
    """A launcher of one kind, two nodes of two cores each (``local``: one of four), and what it told so far."""

    nodes = ("n1", "n2")

    def __init__(self, kind, path, *, gpus=0, pin=False, heartbeat_timeout_sec=0.0, output=0, left=lambda: 1e9, template="", cores=2,
                 memory_mb=0):  # fmt: skip
        self.kind, self.path, self.gpus, self.pin = kind, path, gpus, pin
        self.heartbeat_timeout_sec = heartbeat_timeout_sec
        self.output, self.left, self.cores, self.memory_mb = output, left, cores, memory_mb
        self.template = template or "env HOSTNAME={node}"
        self.environment = {"PATH": f"{BIN}:/usr/bin:/bin"}
        if kind == "mpi":
            mpiexec()
            self.nodes = ("localhost", "127.0.0.1")
            self.environment |= {"HYDRA_LAUNCHER": "fork"}
        for name in ("state/results", "data"):
            (path / name).mkdir(parents=True, exist_ok=True)
        self._serial = count(1)
        self.cursor = ""
        self.all_started = {}
        self.connect()

    def _machine(self, node, *, remote):
        cores = 4 if self.kind == "local" else self.cores
        return NodeResources(
            self.path / "state", self.path / "data", self.path / "launcher.log", cores, self.gpus, self.environment,
            memory_mb=self.memory_mb, node=node, pin=self.pin,
            heartbeat_timeout_sec=self.heartbeat_timeout_sec, output_bytes=self.output, remote=remote,
        )  # fmt: skip

    def _links(self, epoll: select.epoll):
        if self.kind == "mpi":
            machine = self._machine(self.nodes[0], remote=False)
            return [NodeLink(machine, local_connection(machine), epoll)]
        links = []
        for node in self.nodes:
            argv = [sys.executable, "-P", "-m", "storax_agent.launch.nodes.bridge", node]
            argv += [str(self.path / place) for place in ("state", "data", "launcher.log")]
            line = remote_connection(by_template(self.template, node, argv), self.path / "launcher.log")
            links.append(NodeLink(self._machine(node, remote=True), line, epoll))
        return links

    def connect(self):
        """A launcher, or the next one after ``drop``."""
        if self.kind == "local":
            self.launcher = LocalLauncher(self._machine("", remote=False))
        else:
            self.launcher = AllocationLauncher(
                [NodeInfo(node, self.cores, gpus=self.gpus, memory_mb=self.memory_mb) for node in self.nodes], self._links,
                mode="mpi" if self.kind == "mpi" else "serial", launch=LAUNCHES["hydra"], pin=False, left=self.left,
            )  # fmt: skip
        self.opened = self.launcher.open(self.cursor)
        self.started, self.ended = {}, {}
        return self.opened

    def drop(self):
        """As if the runner were killed: the lines break, nothing is said."""
        if self.kind == "local":
            self.launcher._disconnect()
            return
        for link in self.launcher._links.values():
            if link._connection:
                link._connection.close()

    # Work

    def run(self, script, **fields):
        return self.start(["/bin/sh", "-c", script], **fields)

    def start(self, argv, *, workdir=None, **fields):
        lease = Lease(next(self._serial), 1, 1)
        environment = {"STORAX_RESULT_FILE": f"{self.path}/state/results/{lease.name}.json"}
        self.launcher.start([Work(lease, argv, environment, workdir or f"w/{lease.job_id}", **fields)])
        return lease

    def poll(self, *, ack=True):
        events = self.launcher.poll()
        self.started.update((row.lease, row) for row in events.started)
        self.all_started.update(self.started)
        for row in events.ended:
            assert row.lease not in self.ended, "an end was told twice"
            self.ended[row.lease] = row
        if events.cursor:
            self.cursor = events.cursor
            if ack:
                self.launcher.ack(events.cursor)

    def wait_started(self, *leases):
        eventually(lambda: (self.poll(), all(lease in self.started for lease in leases))[1])
        return self.started[leases[0]]

    def wait_ended(self, *leases):
        eventually(lambda: (self.poll(), all(lease in self.ended for lease in leases))[1])
        return self.ended[leases[0]]

    def live(self, seconds):
        """Work as a runner does, for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.poll()
            time.sleep(0.05)

    def stop(self, *leases, cause="cancelled", grace=0.3):
        self.launcher.stop(leases, cause=cause, grace_sec=grace)

    def file(self, lease, name="job.out"):
        return self.path / f"data/w/{lease.job_id}/{name}"

    def read(self, lease, name="job.out"):
        return self.file(lease, name).read_text() if self.file(lease, name).exists() else ""

    # Processes

    @property
    def spawners(self):
        """The pids of the launcher processes, by node."""
        if self.kind in ("local", "mpi"):
            return {"": holder(self.path / "state/launcher.lock")}
        folders = {node: private_folder(node, str(self.path / "state")) for node in self.nodes}
        return {node: holder(folder / "launcher.lock") for node, folder in folders.items()}

    def watched(self, started):
        """Whether a launcher process that runs watches this one, be it its own or taken over."""
        return any(watches(pid, started.pid) for pid in self.spawners.values())

    def kill_spawner(self, started):
        """kill -9 of the launcher process that started this."""
        pid = self.spawners[started.place.nodes[0] if self.kind in ("nodes", "ssh") else ""]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not alive(pid))
        if self.kind == "local":
            self.drop()
            self.connect()

    def close(self):
        """Leave nothing behind."""
        self.launcher.stop(
            [row.lease for row in self.all_started.values() if row.lease not in self.ended],
            cause="stopped", grace_sec=0,
        )  # fmt: skip
        self.launcher.close(end=True)
        for row in self.all_started.values():
            for pid in in_group(row.pid):
                with suppress(ProcessLookupError):  # it ends at this very moment
                    os.kill(pid, signal.SIGKILL)
        for pid in self.spawners.values():
            if pid is not None and not eventually_gone(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def eventually_gone(pid):
    """Whether it ends by itself within three seconds."""
    try:
        eventually(lambda: not alive(pid), seconds=3)
    except AssertionError:
        return False
    return True


class Sshd:
    """A real sshd on loopback, with keys of its own; ``template`` reaches it under any node's name."""

    def __init__(self, path, port):
        require("ssh", "ssh", "ssh-keygen", "sshd")
        path.mkdir()
        path.chmod(0o700)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path / name)], check=True)
        shutil.copy(path / "user.pub", path / "authorized")
        Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
        options = {
            "Port": port, "ListenAddress": "127.0.0.1", "HostKey": path / "host", "PidFile": "none",
            "AuthorizedKeysFile": path / "authorized", "StrictModes": "no", "UsePAM": "no",
        }  # fmt: skip
        (path / "sshd").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
        client = f"Host *\nHostName 127.0.0.1\nPort {port}\nIdentityFile {path}/user\nStrictHostKeyChecking no\n"
        (path / "client").write_text(f"{client}UserKnownHostsFile /dev/null\nLogLevel ERROR\nBatchMode yes\n")
        self._process = subprocess.Popen(
            [program("sshd"), "-D", "-e", "-f", str(path / "sshd")], stderr=subprocess.PIPE
        )
        self.template = f"ssh -T -F {path}/client {{node}} exec"
        eventually(lambda: subprocess.run(["ssh", "-F", str(path / "client"), "n1", "true"]).returncode == 0)

    def close(self):
        self._process.terminate()
        self._process.communicate()
