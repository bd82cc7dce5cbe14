"""A stack for the length of a ``with`` block: for tests, demonstrations and notebooks."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from storax.local import control
from storax.local.config import StackConfig
from storax.local.folder import Folder
from storax.local.servers import postgres
from storax.local.state import Stack


class Servers:
    """Postgres and Valkey alone, stopped at the end of the block or of this process, unless they ran before it.

    ::

        with Servers() as servers:
            connect(servers.database_url)

    Args:
        data: Data folder, which is kept; None, the default, makes a temporary one and removes it at the end.
        fsync: False makes Postgres and Valkey faster and unsafe against power loss, for tests only; by default True.
    """

    def __init__(self, data: Path | str | None = None, *, fsync: bool = True) -> None:
        self._started_here = False
        self._temporary = None if data else Path(tempfile.mkdtemp(prefix="storax-"))
        folder = Path(data).absolute() if data else self._folder_in(self._temporary)
        self._config = self._configure(folder, fsync=fsync)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._config.data

    @property
    def database_url(self) -> str:
        """Address of Postgres, as postgresql://user:password@host:port/database.

        The user is a superuser; in a ``LocalStack`` the owner of the tables, whom no process that serves requests is.
        """
        return self._stack().database_url

    @property
    def administrator_url(self) -> str:
        """Address of Postgres for its superuser."""
        stack = self._stack()
        return postgres.url(stack, port=stack.ports["postgres"])

    @property
    def redis_url(self) -> str:
        """Address of Valkey, as redis://:password@host:port/0."""
        return self._stack().redis_url

    @property
    def pids(self) -> dict[str, int]:
        """Process id of every running part, by name, and of the ``supervisor``."""
        stack = self._stack()
        supervisor = {"supervisor": stack.supervisor.pid} if stack.supervisor and stack.supervised else {}
        return supervisor | {name: process.pid for name, process in stack.alive().items()}

    def start(self) -> Self:
        """Start the parts that do not run and wait until the stack is ready.

        Raises:
            LocalError: it cannot be started; the message ends with the log of the part that failed.
        """
        _, started = control.up(self._config, owner=os.getpid())
        self._started_here = self._started_here or started
        return self

    def stop(self) -> None:
        """Stop every process, unless the stack ran before; keep the data of a folder that was named."""
        if self._started_here:
            control.down(self.data)
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def log(self, part: str) -> str:
        """Return the text of a part's log; ``"supervisor"`` names the supervisor's."""
        return Folder(self.data).log(part).read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _configure(self, data: Path, *, fsync: bool) -> StackConfig:
        return StackConfig(data=data, servers_only=True, fsync=fsync)

    def _stack(self) -> Stack:
        return Folder(self.data).read() or Stack()

    @staticmethod
    def _folder_in(temporary: Path | None) -> Path:
        return (temporary or Path()) / "data"


class LocalStack(Servers):
    """The whole platform: servers, API, workers and, with ``site``, a site called ``local``.

    ::

        with LocalStack(site=True) as stack:
            client = Client(stack.url, stack.token)

    Args:
        data: Data folder, which is kept; None, the default, makes a temporary one and removes it at the end.
        site: Whether to run the local site; by default True.
        port: Port of the API; None, the default, takes the next free one from 8360.
        fsync: False makes the servers faster and unsafe against power loss, for tests only; by default True.
    """

    def __init__(
        self, data: Path | str | None = None, *, site: bool = True, port: int | None = None, fsync: bool = True
    ) -> None:
        self._site, self._port = site, port
        super().__init__(data, fsync=fsync)

    @property
    def url(self) -> str:
        """Address of the API, as http://127.0.0.1:8360."""
        return self._stack().url

    @property
    def token(self) -> str:
        """Token of the user ``local``."""
        return self._stack().token

    @property
    def site_dir(self) -> Path:
        """Folder of the local site."""
        return Folder(self.data).site

    def _configure(self, data: Path, *, fsync: bool) -> StackConfig:
        return StackConfig(data=data, port=self._port, site=self._site, fsync=fsync)
