"""The output of a warm worker's calls; beside ``worker.py``, and under the same limits: the standard library alone."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
SPILL_SEC = 0.1  # output of a call that lasts longer can be followed in its files
HOOK_LOG = "hooks.log"


class Output:
    """What a call writes to descriptors 1 and 2. Creating two files can cost more than all the rest of a short call, so
    output is held in memory until the call ends, or has lasted for a moment; then it goes to its files in the workdir.
    """

    def __init__(self) -> None:
        self._held = [os.memfd_create("out"), os.memfd_create("err")]
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._folder, self._calls, self._spilt, self._since = -1, 0, False, 0.0
        self._point(self._held)
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, folder: int, method: str) -> None:
        """A call begins in the open ``folder``, which is kept until its end."""
        with self._lock:
            self._folder, self._spilt, self._since = folder, False, time.monotonic()
            self._names = ("job.out", "job.err") if method == "run" else (HOOK_LOG,)
        if method != "run":
            os.write(1, f"--- {method}\n".encode())

    def end(self) -> None:
        """The call has ended: what it wrote is in its files; where it wrote nothing there are none."""
        with self._lock:
            folder, self._folder = self._folder, -1
            try:
                self._point(self._held)  # away from the files, or from where the call has led them
                self._write(folder, create=self._spilt)
            finally:
                os.close(folder)

    def _watch(self) -> None:
        while True:
            time.sleep(SPILL_SEC)
            with self._lock, suppress(OSError):
                if self._folder >= 0 and not self._spilt and time.monotonic() - self._since >= SPILL_SEC:
                    self._spilt = True
                    self._write(self._folder, create=True, go_on=True)

    def _write(self, folder: int, *, create: bool, go_on: bool = False) -> None:
        """Move what is held to the files; with ``go_on`` further output goes there itself."""
        flags = OUTPUT | os.O_TRUNC if self._names[0] != HOOK_LOG and (go_on or not create) else OUTPUT
        for number, held in enumerate(self._held):
            name = self._names[min(number, len(self._names) - 1)]
            size = os.fstat(held).st_size
            if not size and not create:
                if name != HOOK_LOG:
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)  # of another job that ran here
                continue
            file = os.open(name, flags, 0o644, dir_fd=folder)
            try:
                place = 0
                while place < size:
                    place += os.write(file, os.pread(held, 1 << 20, place))
                if go_on:
                    os.dup2(file, number + 1)
            finally:
                os.close(file)
                os.ftruncate(held, 0)
                os.lseek(held, 0, os.SEEK_SET)

    @staticmethod
    def _point(files: list[int]) -> None:
        for number, file in zip((1, 2), files):
            os.dup2(file, number)
