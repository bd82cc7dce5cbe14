"""A site with its agent as a process of its own, for tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fakes.processes import alive, in_group
from storax._runtime.settings import Connection
from storax_agent.control import site
from storax_agent.files.locks import holder
from storax_agent.launch.end_jobs import end_everything
from storax_agent.settings.site import SiteFolder
from waiting import eventually

TOKEN = "stx_a-token-that-no-log-may-hold"


class RunningSite:
    """``start``, ``kill`` and ``stop`` its agent; ``close`` leaves nothing behind."""

    def __init__(self, path: Path, url: str, *, token: str = TOKEN, name: str = "test", **settings: Any) -> None:
        self.folder = SiteFolder(path)
        connection = Connection(url=url, token=token, source="argument url")
        hasty = {"heartbeat_sec": 0.3, "cancel_poll_sec": 0.1, "batch_poll_sec": 0.2, "transfer_poll_sec": 0.2}
        options = {"slots": 2, "session_ttl_sec": 20, "kill_grace_sec": 1.0, **hasty, **settings}
        self.site_id, _ = site.init(self.folder, connection=connection, name=name, options=options)
        self.agent: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}
        self.prefix: tuple[str, ...] = ()  # before the command of the agent

    def start(self) -> "RunningSite":
        """Start the agent."""
        arguments = [*self.prefix, sys.executable, "-P", "-m", "storax_agent", "run", str(self.folder.path)]
        with (self.folder.log / "agent.out").open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.agent = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            eventually(lambda: holder(self.folder.lock) == self.pid or self.agent.poll() is not None)
            assert self.agent.poll() is None, self.log
        except BaseException:
            self.close()
            raise
        return self

    @property
    def pid(self) -> int:
        """The agent's pid."""
        assert self.agent is not None
        return self.agent.pid

    @property
    def launcher(self) -> int | None:
        """The launcher's pid."""
        return holder(self.folder.state / "launcher.lock")

    @property
    def log(self) -> str:
        """All that was logged."""
        return "".join(path.read_text() for path in self.folder.log.iterdir())

    def kill(self) -> None:
        """kill -9 of the agent."""
        self.signal(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask the agent to end, and wait for it."""
        self.signal(number)

    def signal(self, number: int) -> None:
        """Send a signal that ends the agent."""
        assert self.agent is not None
        self.agent.send_signal(number)
        self.agent.wait(60)
        self.agent = None

    def kill_launcher(self) -> None:
        """kill -9 of the launcher."""
        eventually(lambda: self.launcher is not None)
        pid = self.launcher
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not alive(pid))

    def file(self, path: str) -> Path:
        """A file in the data folder."""
        return self.folder.data / path

    def read(self, path: str) -> str:
        """What it holds; empty while there is none."""
        return self.file(path).read_text() if self.file(path).exists() else ""

    def close(self) -> None:
        """End everything."""
        if self.agent is not None:
            self.kill()
        end_everything(self.folder)
        eventually(lambda: self.launcher is None)

    def groups(self) -> list[int]:
        """Process groups of the jobs that tests let write their pid into ``pid``."""
        pids = [int(text) for path in self.folder.data.rglob("pid") if (text := path.read_text().strip())]
        return [pid for pid in pids if in_group(pid)]
