"""`storax report`: the numbers of a small campaign, the same document for the same position, and its file."""

import re
from datetime import UTC, datetime, timedelta

import pytest

import storax.report
from browsing import Tree
from fakes.terminal import Terminal
from storax import Job, errors
from storax.report.collect import Report

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe \x1b[2J"
OUTSIDE = re.compile(r"""(?:src|href|url\(|@import)\s*[=:(]?\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGN = {"campaign": "a"}


@pytest.fixture
def campaign(user):
    """Five jobs: two that finish after 1 s and 3 s, one that fails after 2 s, one whose run is lost, one not started."""
    site = user.site("cluster")
    ids = user.jobs(user.app(site, name="Relax"), 5, tags={**CAMPAIGN, "note": EVIL})
    user.jobs(user.app(site, name="Other"), 1)
    session = user.session(site)
    leased = user.acquire(session, 4)
    rows = [
        end(leased[0], "RUN_DONE", 1), end(leased[1], "RUN_DONE", 3),
        end(leased[2], "RUN_ERROR", 2, stderr_tail=EVIL), {**end(leased[3], "", 0), "moves": [move("RUNNING", 0)]},
    ]  # fmt: skip
    answer = user.post(f"/sessions/{session}/report", {"reports": rows})
    assert not answer["refused"]
    user.delete(f"/sessions/{session}")
    return ids


def move(state, seconds, **data):
    return {"to": state, "at": (BEGIN + timedelta(seconds=seconds)).isoformat(), "data": data}


def end(job, state, seconds, **data):
    moves = [move("RUNNING", 0), move(state, seconds, **data)]
    return {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": {}}


def without_time(document: str) -> str:
    """The document without the one time that is not of the log."""
    return re.sub(r"(<dt>Read at</dt><dd>)[^<]*", r"\1", document)


def read(**options) -> Report:
    return storax.report.read(Job.objects.filter(tags=CAMPAIGN), **options)


def test_the_numbers_are_those_of_the_campaign(world, user, campaign):
    report = read()
    summary = report.summary
    assert summary.states == {"JOB_FINISHED": 2, "FAILED": 1, "RESTART_READY": 1, "PREPROCESSED": 1}
    assert (summary.jobs, report.matching, summary.attempts, summary.losses, summary.under_way) == (5, 5, 4, 1, 0)
    events = [e for job in campaign for e in user.events(job_id=job)]
    times = sorted(datetime.fromisoformat(e["timestamp"]) for e in events)
    assert (summary.first, summary.last) == (times[0], times[-1])
    assert sum(map(sum, report.ended.values())) == 3
    # A job was also running for as long as the calls took, which a line may show or not.
    at_the_end = {group: values[-1] for group, values in report.states.items()}
    assert at_the_end.pop("running", 0) == 0
    assert at_the_end == {"good": 2, "bad": 1, "ready": 2}
    (failure,) = report.failures
    assert (failure.jobs, failure.newest_id, report.ungrouped) == (1, campaign[2], 0)
    finished = [slow for slow in report.slowest if slow.state != "RESTART_READY"]
    assert [(slow.job.id, slow.seconds) for slow in finished] == [(campaign[1], 3), (campaign[2], 2), (campaign[0], 1)]
    (relax,) = report.apps
    assert (report.app_names[relax.app_id], relax.jobs, relax.runs) == ("Relax", 4, 4)
    assert (report.provenance.server, report.provenance.user) == (world.url, user.name)


def test_a_position_has_one_report_whatever_happens_later(user, campaign):
    query = Job.objects.filter(tags=CAMPAIGN)
    first, again = (storax.report.read(query) for _ in range(2))
    assert without_time(storax.report.html(first)) == without_time(storax.report.html(again))
    position = first.provenance.position
    Job.objects.filter(id=campaign[4]).cancel()
    then = storax.report.read(query.as_of(first.provenance.time))
    assert (then.summary, then.slowest, then.states) == (first.summary, first.slowest, first.states)
    assert then.provenance.position == position
    assert storax.report.read(query).summary.states["CANCELLED"] == 1


def test_the_newest_jobs_are_kept_and_the_report_says_so(user, campaign):
    report = read(limit=2)
    assert (report.summary.jobs, report.matching, report.failures) == (2, 5, [])
    assert "The newest 2 of 5 jobs" in storax.report.html(report)
    with pytest.raises(errors.InvalidInput, match="1 to 100000"):
        read(limit=0)
    with pytest.raises(errors.SlicedQuery):
        storax.report.read(Job.objects.all()[:5])


def test_no_text_becomes_markup_and_nothing_is_loaded(user, campaign):
    document = storax.report.html(read(command=EVIL))
    elements = Tree(document).elements
    assert {e.tag for e in elements} & {"script", "img", "a", "link", "iframe", "object", "form", "base"} == set()
    assert not [
        name for e in elements for name in e.attributes if name.startswith("on") or name in ("src", "href", "style")
    ]
    assert not OUTSIDE.search(document)
    assert not {"\u202e", "\x1b"} & set(document)
    page = elements[0].text
    assert "<script>alert(1)</script>" in page
    assert "\\u202egnp.exe" in page


def test_the_command_replaces_no_file_unless_it_must(world, user, campaign, tmp_path):
    storax = Terminal(STORAX_URL=world.url, STORAX_TOKEN=user.token)
    file = tmp_path / "report.html"
    done = storax("report", "--tag", "campaign=a", "-o", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"Wrote {file}: 5 of 5 jobs" in done.stderr
    file.write_text("mine")
    refused = storax("report", "--tag", "campaign=a", "-o", file)
    assert refused.returncode == 5
    assert "--force" in refused.stderr
    assert file.read_text() == "mine"
    storax.good("report", "--tag", "campaign=a", "-o", file, "--force")
    assert f"storax report --tag campaign=a -o {file} --force</code>" in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_command_prints_to_stdout_and_says_that_nothing_matches(world, user, campaign):
    storax = Terminal(STORAX_URL=world.url, STORAX_TOKEN=user.token)
    done = storax("report", "--tag", "campaign=a", "-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<!doctype html>")
    nothing = storax("report", "--tag", "campaign=b")
    assert nothing.returncode == 3
    assert "No job matches --tag campaign=b." in nothing.stderr


def test_a_path_at_which_no_file_can_be_is_refused_before_anything_is_read(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "report.html"):
        with pytest.raises(errors.InvalidInput, match="folder"):
            storax.report.write(None, path)
    (tmp_path / "link").symlink_to(tmp_path / "none")
    with pytest.raises(errors.Conflict, match="exists"):
        storax.report.write(None, tmp_path / "link")
