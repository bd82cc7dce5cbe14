"""Stand-ins for the programs of PBS, LSF and Grid Engine: ``KIND FOLDER NAME ...``.

PBS and LSF cannot be installed here; of Grid Engine ``sge.py`` starts a real one where its packages are.
They keep their jobs in files and really run them, and print the formats that the vendors document: OpenPBS 23 (qstat -F
json), LSF 10.1 (bjobs -o, bhist -l -UF), Son of Grid Engine 8.1 (qstat -xml, qacct). What they cannot show is how a real
one differs from its documentation.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

KIND, PLACE, NAME, ARGV = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
USER = os.environ.get("USER") or __import__("pwd").getpwuid(os.getuid()).pw_name
QUEUES = ("debug", "short")
VARIABLE = {"pbs": "PBS_JOBID", "lsf": "LSB_JOBID", "sge": "JOB_ID"}[KIND]
RUN = 'echo $$ > "$1.pid"; while [ -e "$4" ]; do sleep 0.05; done; echo > "$1.begun"; bash "$2" > "$3" 2>&1; echo $? > "$1.code.new"; mv "$1.code.new" "$1.code"'
Job = dict[str, Any]


def fail(message: str, code: int = 1) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(code)


def option(name: str, default: str = "") -> str:
    return ARGV[ARGV.index(name) + 1] if name in ARGV else default


def jobs() -> list[Job]:
    rows = [json.loads(path.read_text()) for path in PLACE.glob("*.json")]
    for job in rows:
        refresh(job)
    return sorted(rows, key=lambda job: job["n"])


def refresh(job: Job) -> None:
    """Where it is, from what its processes left."""
    base = PLACE / str(job["n"])
    job["state"] = "R" if base.with_suffix(".begun").exists() else "Q"
    with suppress(OSError, ValueError):
        job["code"] = int(base.with_suffix(".code").read_text())
        job["end"], job["state"] = base.with_suffix(".code").stat().st_mtime, "F"


def submit(script: str, name: str, output: str, queue: str) -> int:
    if queue and queue not in QUEUES:
        refusals = {
            "pbs": ("qsub: Unknown queue", 170),
            "lsf": (f"{queue}: No such queue. Job not submitted.", 255),
            "sge": (
                f'Unable to run job: Job was rejected because job requests unknown queue "{queue}".\nExiting.',
                1,
            ),
        }
        fail(*refusals[KIND])
    number = len(list(PLACE.glob("*.json"))) + 101
    base = PLACE / str(number)
    copy = base.with_suffix(".sh")  # like a real one: the script may be gone when the job starts
    copy.write_text(script)
    job_id = f"{number}.server" if KIND == "pbs" else str(number)
    nodes = re.search(r"select=(\d+)|#BSUB -n (\d+)|-pe mpi (\d+)", script)
    row = {"n": number, "id": job_id, "name": name, "queue": queue or "debug", "start": time.time()}
    row["nodes"] = int(next(filter(None, nodes.groups()))) if nodes else 1
    base.with_suffix(".json").write_text(json.dumps(row))
    subprocess.Popen(
        ["setsid", "sh", "-c", RUN, "sh", base, copy, output, PLACE / "hold"], env={**os.environ, VARIABLE: job_id},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return number


def queue_of(script: str) -> str:
    match = re.search(r"^#(?:PBS|BSUB|\$) -q (\S+)", script, re.MULTILINE)
    return match.group(1) if match else ""


def kill(ids: list[str]) -> None:
    known = {job["id"]: job for job in jobs() if job["state"] != "F"}
    for number in ids:
        if number in known:
            pid = int((PLACE / f"{known[number]['n']}.pid").read_text())
            mine = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
            for child in mine:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGTERM)
    if not set(ids) <= set(known):
        fail(f"{NAME}: Unknown Job Id", 153)


def when(stamp: float, form: str = "%a %b %d %H:%M:%S %Y") -> str:
    return time.strftime(form, time.localtime(stamp))  # in TZ, as a real client does


# ---- PBS


def pbs_job(job: Job) -> Job:
    row = {
        "Job_Name": job["name"], "Job_Owner": f"{USER}@login1", "job_state": job["state"], "queue": job["queue"],
        "server": "server", "qtime": when(job["start"]), "stime": when(job["start"]), "mtime": when(job["start"]),
        "exec_host": "+".join(f"n{n + 1}/0" for n in range(job["nodes"])), "comment": "Job run at Sat Nov 21",
        "Resource_List": {"nodect": job["nodes"], "walltime": "01:00:00", "select": str(job["nodes"])},
        "Variable_List": {"PBS_O_HOME": "/", "PBS_O_LANG": "C"},
    }  # fmt: skip
    if job["state"] == "F":
        row |= {"Exit_status": job["code"], "obittime": when(job["end"]), "mtime": when(job["end"])}
    return row


def pbs_print(**tables: Any) -> None:
    print(
        json.dumps(
            {"timestamp": int(time.time()), "pbs_version": "23.06.06", "pbs_server": "server", **tables}, indent=4
        )
    )


def pbs_qsub() -> None:
    script = Path(ARGV[-1]).read_text()
    print(f"{submit(script, option('-N'), option('-o'), queue_of(script))}.server")


def pbs_qstat() -> None:
    if "-Q" in ARGV:
        row = {"queue_type": "Execution", "enabled": "True", "started": "True", "max_queued": "[u:PBS_GENERIC=20]"}
        most = {"nodect": 4, "walltime": "01:00:00"}
        return pbs_print(Queue={name: {**row, "resources_max": most} for name in QUEUES})
    job_ids = [word for word in ARGV if word[0].isdigit()]
    rows = {job["id"]: pbs_job(job) for job in jobs() if "-x" in ARGV or job["state"] != "F"}
    rows = {number: row for number, row in rows.items() if not job_ids or number in job_ids}
    pbs_print(**({"Jobs": rows} if rows else {}))
    if missing := [number for number in job_ids if number not in rows]:
        fail(f"qstat: Unknown Job Id {missing[0]}", 153)
    return None


def pbs_pbsnodes() -> None:
    pbs_print(nodes={"n1": {"state": "free"}, "n2": {"state": "free"}, "n3": {"state": "down"}})


# ---- LSF


def lsf_bsub() -> None:
    script = sys.stdin.read()
    number = submit(script, option("-J"), option("-o"), queue_of(script))
    print(f"Job <{number}> is submitted to queue <debug>.")


def lsf_bjobs() -> None:
    rows = jobs()
    if not rows:
        fail("No job found", 255)
    for job in rows:
        done = job["state"] == "F"
        stat = ("DONE" if job["code"] == 0 else "EXIT") if done else {"R": "RUN", "Q": "PEND"}[job["state"]]
        start, end = (when(job[key], "%b %d %H:%M:%S %Y") if key in job else "-" for key in ("start", "end"))
        code = str(job["code"]) if done and job["code"] else "-"
        end = end if done else when(job["start"] + 3600, "%b %d %H:%M:%S %Y") + " L"
        print(
            "|".join(
                [job["id"], stat, job["queue"], str(job["nodes"]), "60.0", start, end, code, "-", "-", job["name"]]
            )
        )


def lsf_bhist() -> None:
    job_ids = [word for word in ARGV if word.isdigit() and word != "0"]
    rows = [job for job in jobs() if job["id"] in job_ids]
    if not rows:
        fail("No matching job found", 255)
    form = "%a %b %d %H:%M:%S %Y"
    for job in rows:
        print(f"\nJob <{job['id']}>, Job Name <{job['name']}>, User <{USER}>, Project <default>, Command <#!/bin/bash>")
        print(f"{when(job['start'], form)}: Submitted from host <login1>, to Queue <{job['queue']}>, CWD <$HOME>;")
        print(f"{when(job['start'], form)}: Starting (Pid 4711);")
        if job["state"] == "F":
            outcome = "Done successfully" if job["code"] == 0 else f"Exited with exit code {job['code']}"
            print(f"{when(job['end'], form)}: {outcome}. The CPU time used is 0.1 seconds;")
        print("\nSummary of time in seconds spent in various states by  Sat Nov 21 08:00:00")


def lsf_bqueues() -> None:
    print("QUEUE_NAME      PRIO STATUS          MAX JL/U JL/P JL/H NJOBS  PEND   RUN  SUSP")
    for name in QUEUES:
        print(f"{name:<15} 30  Open:Active       -    -    -    -     0     0     0     0")
    print("old             30  Closed:Inact      -    -    -    -     0     0     0     0")


# ---- Grid Engine


def sge_qsub() -> None:
    script = Path(ARGV[-1]).read_text()
    print(submit(script, option("-N"), option("-o"), queue_of(script)))


def sge_qstat() -> None:
    form = "%Y-%m-%dT%H:%M:%S"
    rows = "".join(
        f"""    <job_list state="running">
      <JB_job_number>{job["id"]}</JB_job_number><JAT_prio>0.55500</JAT_prio><JB_name>{job["name"]}</JB_name>
      <JB_owner>{USER}</JB_owner><state>{"r" if job["state"] == "R" else "qw"}</state><JAT_start_time>{when(job["start"], form)}</JAT_start_time>
      <queue_name>{job["queue"]}@n1</queue_name><slots>{job["nodes"]}</slots>
    </job_list>
"""
        for job in jobs()
        if job["state"] != "F"
    )
    print(
        f"<?xml version='1.0'?>\n<job_info>\n  <queue_info>\n{rows}  </queue_info>\n  <job_info>\n  </job_info>\n</job_info>"
    )


def sge_qacct() -> None:
    job_id = ARGV[-1] if ARGV[-1] != "-j" else ""
    rows = [job for job in jobs() if job["state"] == "F" and job_id in ("", job["id"])]
    if not rows:
        fail("error: job id not found")
    for job in rows:
        print("=" * 62)
        for name, value in {
            "qname": job["queue"], "hostname": "n1", "owner": USER, "jobname": job["name"], "jobnumber": job["id"],
            "start_time": when(job["start"]), "end_time": when(job["end"]), "slots": job["nodes"], "failed": "0    ",
            "exit_status": job["code"], "ru_wallclock": "1s",
        }.items():  # fmt: skip
            print(f"{name:<12} {value}")


def sge_qconf() -> None:
    for name in QUEUES:
        print(
            name
            if ARGV == ["-sql"]
            else f"qname                 {name}\nhostlist              @allhosts\nh_rt                  01:00:00\n"
        )


def killer() -> None:
    kill([number for word in ARGV for number in word.split(",")])


if __name__ == "__main__":
    if NAME in ("qdel", "bkill"):
        killer()
    else:
        globals()[f"{KIND}_{NAME}"]()
