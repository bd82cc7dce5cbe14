"""`storax top` against the real server: what a frame shows, of which jobs, and how it ends on a terminal."""

import os
import pty
import re
import signal
import subprocess
import termios
from datetime import UTC, datetime, timedelta

from fakes.terminal import STORAX
from waiting import HANG_SEC, eventually

SIZE_AND_COLOUR = ("COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def tables(frame):
    """Return the cells of each part of a frame, by its first line."""
    parts = [[re.split(r"  +", line.strip()) for line in part.splitlines()] for part in frame.split("\n\n")]
    return {part[0][0].partition(":")[0]: part[1:] for part in parts}


def test_a_frame_shows_states_rates_runs_failures_and_sites(user, storax):
    site = user.site("near")
    user.site("far")
    user.jobs(user.app(site, name="Relax"), 5)
    session = user.session(site)
    done, lost, first, second = user.acquire(session, 4)
    user.finish(session, done)
    user.finish(session, lost, last="RUN_ERROR")
    for job, minutes in ((second, 5), (first, 90)):
        moves = [{"to": "RUNNING", "at": (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()}]
        report = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": {}}
        assert not user.post(f"/sessions/{session}/report", {"reports": [report]})["refused"]
    user.patch(f"/jobs/{first['id']}", {"tags": {"touched": "later"}})
    frame = storax.good("top")
    assert "FAILED 1" in frame.splitlines()[1]
    shown = tables(frame)
    assert shown["PER MINUTE"][1] == ["last 10 min", "0.4", "0.1", "0.1"]
    assert [row[0] for row in shown["Running now"][1:]] == [str(first["id"]), str(second["id"])], "the oldest run first"
    assert shown["Running now"][1][1].startswith("1h")
    assert shown["Running now"][1][2:4] == ["Relax", "near"]
    assert shown["Failures of the last day"][1][1:3] == ["1", "Relax"]
    assert [row[:2] for row in shown["Sites"][1:]] == [["far", "0"], ["near", "2"]], "the silent one first"
    assert shown["Sites"][1][2] == "never started"
    assert re.fullmatch(r"(active|silent), heard .+ ago", shown["Sites"][2][2])


def test_a_frame_is_of_the_chosen_tags_and_sites_alone(user, storax):
    near, far = user.site("near"), user.site("far")
    for site, night in ((near, "1"), (near, "2"), (far, "1")):
        user.jobs(user.app(site), 1, tags={"night": night})
        session = user.session(site)
        user.report(session, *user.acquire(session), "RUNNING")
    for arguments, jobs, sites in (
        (("--tag", "night=1"), 2, 2), (("--site", "near"), 2, 1), (("--site", "near", "--tag", "night=2"), 1, 1),
    ):  # fmt: skip
        frame = storax.good("top", "--once", *arguments)
        shown = tables(frame)
        assert f"RUNNING {jobs}" in frame.splitlines()
        assert shown["PER MINUTE"][1][1] == f"{jobs / 10:.1f}", arguments
        assert len(shown["Running now"]) == jobs + 1
        assert len(shown["Sites"]) == sites + 1
    missing = storax("top", "--site", "nowhere")
    assert (missing.returncode, missing.stdout) == (3, "")


def test_a_terminal_follows_the_jobs_until_ctrl_c_which_is_no_failure(user, storax, interruptible):
    app = user.app(user.site())
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {name: value for name, value in storax.environment.items() if name not in SIZE_AND_COLOUR}
    argv = [STORAX, "top", "--interval", "0.1"]
    ran = subprocess.Popen(argv, stdin=theirs, stdout=theirs, env=environment | {"TERM": "xterm"})
    os.close(theirs)
    os.set_blocking(ours, False)
    output = b""

    def has(text):
        nonlocal output
        try:
            output += os.read(ours, 1 << 16)
        except BlockingIOError:
            pass
        except OSError:  # how Linux says that a terminal's other end is closed
            return True
        return text in output

    try:
        eventually(lambda: has(b"0 jobs"))
        user.jobs(app, 3)
        eventually(lambda: has(b"PREPROCESSED 3"))
        ran.send_signal(signal.SIGINT)
        eventually(lambda: has(b"\x1b[?1049l"))
        assert ran.wait(HANG_SEC) == 0
    finally:
        ran.kill()
        ran.wait()
        os.close(ours)
    assert output.count(b"\x1b[?1049h") == output.count(b"\x1b[?1049l") == 1, "the first screen is as it was"
    assert b"Traceback" not in output
