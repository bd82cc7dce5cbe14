"""Where bars are shown: in a terminal and in a real kernel of a notebook, not in a pipe, and as the setting says."""

import os
import pty
import sqlite3
import subprocess
import sys
import tempfile
import termios

import pytest
from jupyter_client.manager import KernelManager

from storax._runtime import progress
from storax.data.exchange import databases
from waiting import HANG_SEC

SHOW = """
from storax._runtime.progress import counted, parts
with parts("Fitting pipe") as tell:
    tell(0.5, "learning")
with counted("Reading rows", None) as bar:
    for _ in range(3):
        bar.update(5_000)
with counted("Few", 10) as bar:
    bar.update(10)
"""


def run(*, terminal, **setting):
    """What the script above writes to stderr, in a terminal or in a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        termios.tcsetwinsize(theirs, (25, 100))
    environment = {**os.environ, **setting}
    subprocess.run([sys.executable, "-c", SHOW], stderr=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    output = b""
    try:
        while more := os.read(ours, 1 << 16):
            output += more
    except OSError:  # how Linux says that a terminal's other end is closed
        pass
    os.close(ours)
    return output.decode()


def test_bars_are_shown_in_a_terminal_and_only_for_many():
    output = run(terminal=True)
    assert "Fitting pipe: learning" in output
    assert "Reading rows: 15000 rows" in output
    assert "Few" not in output


def test_a_pipe_gets_no_bars_unless_they_are_requested():
    assert run(terminal=False) == ""
    assert "Fitting pipe: learning" in run(terminal=False, STORAX_PROGRESS="1")
    assert run(terminal=True, STORAX_PROGRESS="0") == ""


def test_a_notebook_shows_bars_without_a_warning(monkeypatch, tmp_path):
    """A real kernel, without ipywidgets: what it sends to the cell."""
    for folder in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(folder, str(tmp_path / folder))
    messages = []
    with tempfile.TemporaryDirectory() as short:  # over files: free ports may be taken until the kernel has started
        manager = KernelManager(kernel_name="python3", transport="ipc", connection_file=f"{short}/kernel.json")
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=HANG_SEC)
            answer = client.execute_interactive(SHOW, timeout=HANG_SEC, output_hook=messages.append)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
            manager.context.destroy(linger=0)
    assert answer["content"]["status"] == "ok"
    output = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert "Fitting pipe: learning" in output
    assert "Reading rows: 15000 rows" in output
    assert "Few" not in output
    assert "Warning" not in output


@pytest.mark.parametrize(("rows", "seen"), [(10_000, False), (25_000, True)])
def test_rows_of_a_database_are_counted_while_they_are_read(monkeypatch, capsys, rows, seen):
    monkeypatch.setenv("STORAX_PROGRESS", "1")
    many = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n"
    with sqlite3.connect(":memory:") as conn:
        assert databases.query(many, conn).num_rows == rows
    assert (f"{rows} rows" in capsys.readouterr().err) is seen


def test_a_script_that_imports_ipython_is_no_notebook():
    import IPython  # noqa: F401

    assert not progress.in_notebook()


def test_a_script_hides_bars_and_shows_them_again(monkeypatch):
    import storax

    monkeypatch.setattr(progress, "switches", progress.Switches())
    monkeypatch.setenv("STORAX_PROGRESS", "1")
    assert storax.utilities.progress.DISABLE is False
    storax.utilities.progress.DISABLE = True
    assert not progress.shown()
    storax.utilities.progress.DISABLE = False
    monkeypatch.setenv("STORAX_PROGRESS", "0")
    assert progress.shown()
