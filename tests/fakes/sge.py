"""A real Grid Engine of Debian's packages, private to a test run: one qmaster and one execd on this host, by pid.

Needs root. Nothing outside its folder is touched.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from unittest.mock import patch

from fakes.processes import alive
from fakes.slurm import free_ports
from needs import require
from waiting import eventually

PROGRAMS = ("sge_qmaster", "sge_execd", "qsub", "qconf")
LIBRARY = Path("/usr/lib/gridengine")
SHARED = Path("/usr/share/gridengine")
ROOT = Path("/var/lib/gridengine")
BOOTSTRAP = """\
admin_user none
default_domain none
ignore_fqdn true
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params {folder}/spool/db
binary_path /usr/sbin
qmaster_spool_dir {folder}/spool/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
CHANGED = {
    "execd_spool_dir": "{folder}/spool/execd",
    "min_uid": "0",
    "min_gid": "0",
    "administrator_mail": "none",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00 "
    "joblog=false sharelog=00:00:00",
}
HOST = {"hostname": "localhost", **dict.fromkeys(
    ("load_scaling", "complex_values", "user_lists", "xuser_lists", "projects", "xprojects", "usage_scaling",
     "report_variables"), "NONE")}  # fmt: skip
QUEUE = {
    "hostlist": "localhost", "seq_no": "0", "nsuspend": "1", "suspend_interval": "00:05:00", "priority": "0", "min_cpu_interval": "00:05:00", "qtype": "BATCH INTERACTIVE", "rerun": "FALSE", "tmpdir": "/tmp", "shell": "/bin/bash", "shell_start_mode": "posix_compliant", "notify": "00:00:60", "initial_state": "default", "h_rt": "01:00:00",
    # SIGTERM in place of SIGKILL, so that the script can tell how it ended.
    "terminate_method": "SIGTERM", "slots": "8", "processors": "UNDEFINED",
    **dict.fromkeys(('load_thresholds', 'suspend_thresholds', 'ckpt_list', 'pe_list', 'prolog', 'epilog', 'starter_method', 'suspend_method', 'resume_method', 'owner_list', 'user_lists', 'xuser_lists', 'subordinate_list', 'complex_values', 'projects', 'xprojects', 'calendar'), "NONE"),
    **dict.fromkeys(('s_rt', 's_cpu', 'h_cpu', 's_fsize', 'h_fsize', 's_data', 'h_data', 's_stack', 'h_stack', 's_core', 'h_core', 's_rss', 'h_rss', 's_vmem', 'h_vmem'), "INFINITY"),
}  # fmt: skip


class RealSge:
    """``start`` and ``stop`` it; while it runs, SGE_ROOT and its ports in this process name it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_ports(2)
        ours = {
            "SGE_ROOT": str(folder / "root"),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(port),
            "SGE_EXECD_PORT": str(port + 1),
        }
        self._changed = patch.dict(os.environ, ours)

    def start(self) -> "RealSge":
        require("grid-engine", *PROGRAMS)
        common = self.folder / "root/default/common"
        for place in (common, *(self.folder / "spool" / name for name in ("qmaster/job_scripts", "db", "execd"))):
            place.mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.folder / "root" / name).symlink_to(ROOT / name)
        (common / "bootstrap").write_text(BOOTSTRAP.format(folder=self.folder))
        (common / "act_qmaster").write_text("localhost\n")
        (common / "host_aliases").write_text(f"localhost {socket.gethostname()}\n")
        self._changed.start()
        self._spool()
        self._run("/usr/sbin/sge_qmaster")
        eventually(lambda: self._try("qconf", "-sh"))
        self._run("qconf", "-as", "localhost")
        self._run("qconf", "-Ae", self._table("host", HOST))
        for name in ("debug", "short"):
            self._run("qconf", "-Aq", self._table(name, {"qname": name, **QUEUE}))
        self._run("/usr/sbin/sge_execd")
        schedule = subprocess.run(["qconf", "-ssconf"], capture_output=True, text=True, timeout=60, check=True).stdout
        rows = dict(line.split(None, 1) for line in schedule.splitlines())
        hasty = {
            "schedule_interval": "0:0:1",
            "flush_submit_sec": "1",
            "flush_finish_sec": "1",
            "queue_sort_method": "seqno",
        }
        self._run("qconf", "-Msconf", self._table("schedule", {**rows, **hasty}))
        eventually(
            lambda: "lx-amd64" in subprocess.run(["qhost"], capture_output=True, text=True, timeout=60).stdout,
        )
        return self

    def stop(self) -> None:
        """End its daemons, the node first."""
        subprocess.run(["qdel", "-u", "root"], timeout=60, capture_output=True, check=False)
        for path in [*self.folder.glob("spool/execd/*/execd.pid"), self.folder / "spool/qmaster/qmaster.pid"]:
            pid = int(path.read_text())
            deadline = time.monotonic() + 10
            while alive(pid) and time.monotonic() < deadline:
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.5)
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._changed.stop()

    def _spool(self) -> None:
        parameters = dict(line.split(None, 1) for line in (SHARED / "default-configuration").read_text().splitlines()
                     if line.strip() and not line.startswith("#"))  # fmt: skip
        parameters |= {name: value.format(folder=self.folder) for name, value in CHANGED.items()}
        self._run(LIBRARY / "spoolinit", "berkeleydb", "libspoolb", self.folder / "spool/db", "init")
        defaults = LIBRARY / "spooldefaults"
        self._run(defaults, "configuration", self._table("configuration", parameters))
        self._run(defaults, "complexes", SHARED / "util/resources/centry")
        self._run(defaults, "usersets", SHARED / "util/resources/usersets")
        self._run(defaults, "managers", "root")

    def _table(self, name: str, rows: dict[str, str]) -> Path:
        path = self.folder / f"{name}.conf"
        path.write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
        return path

    def _run(self, *argv: object) -> None:
        with (self.folder / "start.log").open("ab") as log:
            done = subprocess.run([str(word) for word in argv], stdout=log, stderr=log, timeout=60, check=False)
        assert done.returncode == 0, f"{argv}: {(self.folder / 'start.log').read_text()}"

    def _try(self, *argv: str) -> bool:
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0
