"""Read files of jobs: from disk where the site's folder is on this machine, else through the server from its agent."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from storax._runtime.output_files import HOOK_LOG, STREAMS, hook_log_of, name_of
from storax.errors import NoFile, NotFound

if TYPE_CHECKING:
    from storax.client import Client

LARGEST = 1 << 20  # bytes of one window that the server answers


class Window(NamedTuple):
    """Bytes of a file from ``offset`` on; ``size`` is that of the whole file, ``inode`` tells it from another."""

    data: bytes
    offset: int
    size: int
    inode: int


class JobFile:
    """One file in the workdir of a job.

    Args:
        client: Whose server to ask.
        job_id: Id of the job.
        workdir: Its workdir.
        site: Row of its site: ``id`` and ``path``.
        name: Path of the file, relative to the workdir; None for an output. ``hooks.log`` is that of this job, also
            where others use the workdir.
        stream: 0 for stdout, 1 for stderr: the file that holds it now; None for another file.
        has_run: Whether the job has started; if not, an output in its workdir is that of another job.
    """

    def __init__(
        self, client: "Client", job_id: int, workdir: str, site: Any, name: str | None = None, *,
        stream: int | None = None, has_run: bool = True,
    ) -> None:  # fmt: skip
        self._client, self._job_id, self._name, self._stream = client, job_id, name, stream
        self._site = site
        self._folder = Path(site.path) / "data" / workdir
        # Decided here: it may start while somebody reads, and then its output has the name that was another job's.
        self._has_run = True
        self._has_run = stream is None or has_run or not self.path.exists()

    @property
    def path(self) -> Path:
        """Where the file is on the machine of its site; that of an output may change while jobs share the workdir."""
        return self._folder / self._resolved()

    def _resolved(self) -> str:
        if self._stream is None:
            return hook_log_of(self._job_id, self._has) if self._name == HOOK_LOG else str(self._name)
        return name_of(self._job_id, self._stream, self._has, has_run=self._has_run)

    def _has(self, name: str) -> bool:
        return (self._folder / name).exists()

    @property
    def is_here(self) -> bool:
        """Whether the folder of its site is on this machine."""
        try:
            settings = tomllib.loads((Path(self._site.path) / "site.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(self._site.path) and settings.get("site_id") == self._site.id

    def window(self, offset: int = 0, size: int = LARGEST) -> Window:
        """Read at most ``size`` bytes, 1 MiB at most; a negative ``offset`` counts from the end of the file.

        Raises:
            NoFile: the file does not exist, or is no regular file.
            Conflict: the site is on another machine, and its agent does not answer.
        """
        try:
            return self._local(offset, size) if self.is_here else self._remote(offset, size)
        except NoFile:
            raise
        except (FileNotFoundError, NotFound) as error:
            raise NoFile(
                f"Job {self._job_id} has no file {self.path.name}: {self.path} does not exist.",
                hint="It may not have started yet.",
            ) from error

    def exists(self) -> bool:
        """Return whether the file exists."""
        try:
            self.window(0, 0)
        except NoFile:
            return False
        return True

    def tail(self, size: int) -> bytes:
        """Return the last ``size`` bytes, or all of a smaller file."""
        last = self.window(-min(size, LARGEST), LARGEST)
        begin = max(0, last.size - size)
        data = b"".join(self.read(begin, last.offset))
        return data + last.data

    def read(self, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``begin`` to ``end``, by default to the end of the file as it is then."""
        while end is None or begin < end:
            window = self.window(begin, LARGEST if end is None else min(LARGEST, end - begin))
            if not window.data:
                return
            yield window.data
            begin += len(window.data)

    def begin_of_last(self, lines: int) -> int:
        """Return where the last lines begin; 0: the whole file. Reads windows from the end of the file backwards."""
        if lines == 0:
            return 0
        window = self.window(-LARGEST)
        left = lines + window.data.endswith(b"\n")
        while True:
            at = len(window.data)
            while left and (at := window.data.rfind(b"\n", 0, at)) >= 0:
                left -= 1
            if not left:
                return window.offset + at + 1
            if window.offset == 0:
                return 0
            begin = max(0, window.offset - LARGEST)
            window = self.window(begin, window.offset - begin)

    def _local(self, offset: int, size: int) -> Window:
        path = self.path
        if path.exists() and not path.is_file():  # to open a pipe would wait for a writer
            raise NoFile(f"{path} of job {self._job_id} is a folder, a pipe or the like.", hint="Name a regular file.")
        with path.open("rb") as file:
            total = file.seek(0, 2)
            begin = max(0, total + offset) if offset < 0 else offset
            file.seek(begin)
            return Window(file.read(min(size, LARGEST)), begin, total, os.fstat(file.fileno()).st_ino)

    def _remote(self, offset: int, size: int) -> Window:
        which = {"path": self._name} if self._stream is None else {"stream": STREAMS[self._stream]}
        params = {**which, "offset": offset, "size": min(size, LARGEST)}
        reply = self._client.call("GET", f"/jobs/{self._job_id}/file", params=params)
        headers = reply.headers
        numbers = (int(headers[f"x-storax-file-{name}"]) for name in ("offset", "size", "id"))
        return Window(reply.content, *numbers)


def text_of(data: bytes) -> str:
    """Return the text of a program's output; bytes that are not UTF-8 become U+FFFD."""
    return data.decode("utf-8", errors="replace")
