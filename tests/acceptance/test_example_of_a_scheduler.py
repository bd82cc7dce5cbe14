"""CONTRIBUTING.md's example of a scheduler: a file, a job script and an entry, and an agent submits, finds and cancels."""

import json

from acceptance.worked_examples import apply, examples, python
from house.repository import copy_to

# It lists, submits, removes what waits and kills what runs, in the format of Task Spooler 1.0; the first number is 0.
TSP = """\
#!/bin/sh
cd "${0%/*}" || exit 1
touch tasks
case "$1" in
  -L) number=$(wc -l < tasks); state=$([ "$number" = 0 ] && echo running || echo queued)
      echo "$number    $state    (file)         [$2]$3 $4" >> tasks; echo "$number" ;;
  -l) echo 'ID   State      Output               E-Level  Times(r/u/s)   Command [run=1/1]'; cat tasks ;;
  -r) grep -q "^$2 .*queued" tasks && echo "removed $2" >> ended ;;
  -k) echo "killed $2" >> ended ;;
esac
"""
CHECK = """
import json, os, subprocess, sys
from pathlib import Path
from storax_agent.control.scheduler_checks import scheduler_findings
from storax_agent.schedulers import registry
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.cluster import Cluster, write_template
from storax_agent.settings.site import SiteFolder, SiteSettings

programs, place = Path(sys.argv[1]), Path(sys.argv[2])
folder = SiteFolder(place)
folder.make()
settings = SiteSettings(name="s", site_id=7, url="http://x", scheduler={"kind": registry.detect()})
shipped = registry.scheduler_of(folder, settings)
cluster = Cluster(shipped.vendor, folder, settings, runner=lambda number: ["sh", "-c", f"exit {number}"])
requests = [Request(number, 1, 5, "", "", "serial", {}) for number in (3, 4)]
ids = [one.scheduler_id for one in cluster.submit(requests)]
seen = {
    "kind": settings.scheduler.kind,
    "ids": ids,
    "again": [one.scheduler_id for one in cluster.submit(requests)],
    "found": cluster.find([3, 4, 5]),
    "states": [cluster.statuses(ids)[one].state for one in ids],
    "good": all(finding.good is not False for finding in scheduler_findings(folder, settings)),
    "template": write_template(place, "task_spooler"),
}
cluster.cancel([*ids, "0", "--all"])
seen["ended"] = (programs / "ended").read_text().split("\\n")[:-1]
subprocess.run(["bash", place / "state/allocations/3.sh"], check=False)
(programs / "tasks").write_text("")
end = cluster.statuses(ids)["t0"]
try:
    SiteSettings(name="s", site_id=7, url="http://x", scheduler={"kind": "task_spooler"},
                 elastic_queue={"enabled": True, "use_backfill": True, "queue": "spooler"})
except ValueError as error:
    seen["refused"] = "task_spooler tells of no idle nodes" in str(error)
print(json.dumps({**seen, "end": [end.state, end.info.get("exit_code")]}))
"""


def test_a_file_a_job_script_and_an_entry_make_a_scheduler(tmp_path):
    house, programs = tmp_path / "house", tmp_path / "programs"
    copy_to(house)
    (diff,) = examples()["add a scheduler"]
    assert diff.count("\n+++ ") == 3, "the example promises a file, a job script and an entry"
    apply(house, diff)
    programs.mkdir()
    (programs / "tsp").write_text(TSP)
    (programs / "tsp").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    seen = json.loads(python(house, "-c", CHECK, str(programs), str(tmp_path / "site"), PATH=path))
    assert seen == {
        "kind": "task_spooler",
        "ids": ["t0", "t1"],
        "again": ["t0", "t1"],
        "found": {"3": "t0", "4": "t1"},
        "states": ["running", "queued"],
        "good": True,
        "template": True,
        "ended": ["killed 0", "removed 1"],
        "end": ["finished", 3],
        "refused": True,
    }
    assert "`task_spooler`" in python(house, "-c", "from tools.reference.site_settings import render; print(render())")
