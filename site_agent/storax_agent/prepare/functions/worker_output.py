"""The output of a warm worker's calls; beside ``worker.py``, and under the same limits: the standard library alone."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storax_agent.prepare.functions.worker_hook_log import APPEND, exists, heading, open_log
    from storax_agent.prepare.functions.worker_messages import Call
    from storax_agent.prepare.functions.worker_output_files import FIRST, PLAIN, own_names
else:
    from worker_hook_log import APPEND, exists, heading, open_log
    from worker_output_files import FIRST, PLAIN, own_names

SPILL_SEC = 0.1  # output of a call that lasts longer can be followed in its files


class Output:
    """What a call writes to descriptors 1 and 2. Creating two files can cost more than all the rest of a short call, so
    output is held in memory until the call ends, or has lasted for a moment; then it goes to its files in the workdir.
    """

    def __init__(self) -> None:
        self._held = [os.memfd_create("out"), os.memfd_create("err")]
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._own: tuple[str, ...] = ()
        self._job = ""
        self._files: dict[int, int] = {}
        self._folder, self._calls, self._spilt, self._since = -1, 0, False, 0.0
        self._point(self._held)
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, folder: int, call: Call) -> None:
        """A call begins in the open ``folder``, which is kept until its end."""
        with self._lock:
            self._folder, self._spilt, self._since = folder, False, time.monotonic()
            self._names = call.outputs if call.method == "run" else ()
            self._job = call.lease.partition(".")[0]
            self._own = own_names(int(self._job))
        if call.method != "run":
            os.write(1, heading(call.method, self._job).encode())

    def end(self) -> None:
        """The call has ended: what it wrote is in its files; where it wrote nothing there are none."""
        with self._lock:
            folder, self._folder = self._folder, -1
            try:
                self._point(self._held)  # away from the files, or from where the call has led them
                self._write(folder, create=self._spilt)
            finally:
                for file in (folder, *self._files.values()):
                    os.close(file)
                self._files = {}

    def _watch(self) -> None:
        while True:
            time.sleep(SPILL_SEC)
            with self._lock, suppress(OSError):
                if self._folder >= 0 and not self._spilt and time.monotonic() - self._since >= SPILL_SEC:
                    self._spilt = True
                    self._write(self._folder, create=True, go_on=True)

    def _write(self, folder: int, *, create: bool, go_on: bool = False) -> None:
        """Move what is held to the files; with ``go_on`` further output goes there itself."""
        for number, held in enumerate(self._held):
            if not create and not os.fstat(held).st_size:
                continue
            file = self._opened(folder, number) if self._names else self._hook_log(folder)
            try:
                place = self._copy(held, file, 0)
                if go_on:
                    os.dup2(file, number + 1)
                    self._copy(held, file, place)  # the call wrote on until then
            finally:
                os.ftruncate(held, 0)
                os.lseek(held, 0, os.SEEK_SET)

    @staticmethod
    def _copy(held: int, file: int, place: int) -> int:
        """Copy what is held now, from this place on, and return the next place."""
        size = os.fstat(held).st_size
        while place < size:
            place += os.write(file, os.pread(held, 1 << 20, place))
        return place

    def _opened(self, folder: int, number: int) -> int:
        """The file of a stream, open until the call ends: by then its name may be that of another job's file."""
        if number not in self._files:
            name = self._name(folder, number)
            self._files[number] = os.open(name, APPEND | os.O_TRUNC, 0o644, dir_fd=folder)
            if name in self._own:
                with suppress(OSError):  # the output of the latest job has the plain name as well
                    os.link(name, PLAIN[number], src_dir_fd=folder, dst_dir_fd=folder)
        return self._files[number]

    def _hook_log(self, folder: int) -> int:
        """The one file of both streams of a hook."""
        if 0 not in self._files:
            self._files[0] = open_log(folder, self._job)
        return self._files[0]

    def _name(self, folder: int, number: int) -> str:
        name = self._names[number]
        if name in PLAIN and (exists(folder, FIRST[0]) or exists(folder, name)):
            # Another job has begun here since. It has kept what this one had written by then as the first's.
            return FIRST[number] if self._files else self._own[number]
        return name

    @staticmethod
    def _point(files: list[int]) -> None:
        for number, file in zip((1, 2), files):
            os.dup2(file, number)
