"""The graph around jobs and their stages over time, on the command line, against the real server."""

import json
from datetime import UTC, datetime


def test_a_tree_shows_the_graph_around_a_job(user, storax):
    app = user.app(user.site(), name="Relax")
    first, second = user.jobs(app, 2)
    middle = user.job(app, workdir="middle", parent_ids=[first, second])["id"]
    left, right = user.jobs(app, 2, parent_ids=[middle])
    last = user.job(app, workdir="last", parent_ids=[first, left, right])["id"]
    assert storax.good("job", "tree", middle).splitlines() == [
        f"{middle}  Relax  AWAITING_PARENTS  middle",
        "├── parents",
        f"│   ├── {first}  Relax  PREPROCESSED  w/0",
        f"│   └── {second}  Relax  PREPROCESSED  w/1",
        "└── children",
        f"    ├── {left}  Relax  AWAITING_PARENTS  w/0",
        f"    │   └── {last}  Relax  AWAITING_PARENTS  last",
        f"    └── {right}  Relax  AWAITING_PARENTS  w/1",
        f"        └── {last}  Relax  AWAITING_PARENTS  last  (see above)",
    ]
    rows = json.loads(storax.good("job", "tree", middle, "-o", "json"))
    levels = {first: -1, second: -1, middle: 0, left: 1, right: 1, last: 2}
    assert {row["id"]: row["level"] for row in rows} == levels
    nearest = storax.good("job", "tree", last, "--depth", "1")
    assert "… and 1 more one level further; use --depth 2." in nearest, "the middle, as the first is there already"


def test_a_timeline_shows_each_attempt_at_its_time(user, storax):
    site = user.site()
    job = user.job(user.app(site), max_attempts=2, tags={"night": "1"})["id"]
    session = user.session(site)
    times = []
    for outcome in ("RUN_ERROR", "RUN_DONE"):
        (leased,) = user.acquire(session)
        for state in ("RUNNING", outcome):
            times.append(datetime.now(UTC))
            moves = [{"to": state, "at": times[-1].isoformat()}]
            report = {"id": job, "lease_epoch": leased["lease_epoch"], "moves": moves, "patch": {}}
            assert not user.post(f"/sessions/{session}/report", {"reports": [report]})["refused"]
    rows = json.loads(storax.good("job", "timeline", "--tag", "night=1", "-o", "json"))
    assert {row["job"] for row in rows} == {job}
    assert rows[0]["stage"] == "PREPROCESSED"
    runs = [row for row in rows if row["stage"] == "RUNNING"]
    assert [row["attempt"] for row in runs] == [1, 2]
    spans = [datetime.fromisoformat(row[name]) for row in runs for name in ("begin", "end")]
    assert spans == times, "the times of the site"
    line = storax.good("job", "timeline", job).splitlines()[1].split()
    assert line[:2] == [str(job), "JOB_FINISHED"]
    assert "2" in "".join(line[3:]), "the second attempt"
