"""A worker: loads the source of one App once, then performs one call after another for the spawner.

Run as a script, ``worker.py SOURCE RESULTS SOCKET PICKLES [VERSION]``, by whichever interpreter the App names; so it
uses the standard library alone, imports nothing of Storax, and keeps to Python 3.9. ``worker_messages.py`` has the
lines that pass over the inherited socket; with each call comes the open workdir. When the spawner is gone, the last
answer is left as a file in RESULTS, for the next spawner to find.
"""

from __future__ import annotations

import base64
import ctypes
import os
import resource
import socket
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

# The folder of this file is searched for its own modules and then no more: an App must import what its interpreter has.
THIS, HERE = __file__, os.path.dirname(os.path.abspath(__file__))
if TYPE_CHECKING:
    from storax_agent.prepare.functions import json_values
    from storax_agent.prepare.functions import worker_messages as messages
    from storax_agent.prepare.functions import worker_results as results_of
    from storax_agent.prepare.functions.worker_declarations import CHANGEABLE
    from storax_agent.prepare.functions.worker_messages import Call, HookEnded, Outcome, Raised, Returned
    from storax_agent.prepare.functions.worker_output import Output
    from storax_agent.prepare.functions.worker_process import Baseline, end_stray_child
    from storax_agent.prepare.functions.worker_results import PICKLED
    from storax_agent.prepare.functions.worker_source import SOURCE_VARIABLE, Job, load
else:
    sys.path.insert(0, HERE)
    import json_values
    import worker_messages as messages
    import worker_results as results_of
    from worker_declarations import CHANGEABLE
    from worker_messages import Call, HookEnded, Raised, Returned
    from worker_output import Output
    from worker_process import Baseline, end_stray_child
    from worker_results import PICKLED
    from worker_source import SOURCE_VARIABLE, Job, load

    sys.path[:] = [path for path in sys.path if path != HERE]

MAX_ANSWER = (1 << 20) + (64 << 10)  # bytes: a result of 1 MiB and its envelope
GROWTH_KB = 512 << 10  # a worker that has grown by so much makes room for a fresh one
TAIL_LINES, TAIL_CHARS = 40, 4000
CHILD_PATH = os.path.join(HERE, "child_path")
SUBREAPER = 36  # prctl(PR_SET_CHILD_SUBREAPER): what a call leaves behind stays ours to see


class Link:
    """The conversation with the spawner."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._rest = b""

    def receive(self) -> tuple[bytes, int] | None:
        """The next line and the open workdir; None when the spawner is gone."""
        blocks, handles = [self._rest], list[int]()
        while b"\n" not in blocks[-1]:
            try:
                block, rights, _, _ = socket.recv_fds(self._socket, 1 << 16, 1)
            except OSError:
                return None
            if not block:
                return None
            blocks.append(block)
            handles += rights
        line, _, self._rest = b"".join(blocks).partition(b"\n")
        return line, handles[0]

    def send(self, answer: bytes) -> bool:
        """Send an answer; returns whether the spawner was there to take it."""
        try:
            self._socket.sendall(answer)
        except OSError:
            return False
        return True


class Worker:
    """Performs calls; ``pickles`` is whether this site's policy lets values be pickled, ``version`` that of the
    messages. ``output`` is None for a rank, which has its files already."""

    def __init__(self, source: str, output: Output | None, *, pickles: bool, version: int) -> None:
        self._pickles, self.version = pickles, version
        self._output = output
        self._class: Any = None
        self._load_error: Raised | None = None
        try:
            self._class = load(source)
        except BaseException as error:
            self._load_error = described(error, "the App's source could not be loaded: ")
        self._threads = threading.active_count()
        self._size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.environ[SOURCE_VARIABLE] = source
        self._baseline = Baseline()
        self._pid = os.getpid()

    def perform(self, call: Call, *, keeps_value: bool) -> bytes:
        """Perform the one call of a rank, whose return value is the job's or nobody's; returns the answer's line."""
        outcome = self._load_error or self._perform(call)
        end_stray_child(self._pid, None)
        if isinstance(outcome, Returned) and not keeps_value:
            outcome = Returned(None)
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        return self._line(call, self._storable(call, outcome, folder))

    def _storable(self, call: Call, outcome: Outcome, folder: int) -> Outcome:
        if not isinstance(outcome, Returned):
            return outcome
        return results_of.storable(outcome.value, call.job["id"], folder, pickles=self._pickles)

    def answer(self, call: Call, folder: int) -> bytes:
        """Perform one call in an open folder, with its output in files there; returns the answer's line."""
        assert self._output is not None  # noqa: S101
        try:
            os.fchdir(folder)
            self._output.begin(folder, call)
        except OSError as error:
            os.close(folder)
            return self._line(call, Raised("OSError", f"its workdir cannot be entered: {error}"))
        outcome = self._load_error or self._perform(call)
        end_stray_child(self._pid, None)
        outcome = self._storable(call, outcome, folder)
        self._flush()
        self._baseline.restore()
        try:
            self._output.end()
        except OSError as error:
            outcome = Raised("OSError", f"its output cannot be written: {error}")
        return self._line(call, outcome)

    def _perform(self, call: Call) -> Outcome:
        try:
            self._baseline.begin()
            os.environ["STORAX_JOB_ID"] = str(call.job["id"])
            app = self._class()
            app.job = Job(call.job, () if call.method == "run" else ("state", *CHANGEABLE))
            if call.method == "run":
                return Returned(app.run(**self._unpickled(call.parameters)))
            return self._hook(app, call)
        except BaseException as error:  # also SystemExit: it is the end of the call, not of the worker
            raised = described(error)
            end_stray_child(self._pid, error)
            return raised

    def _hook(self, app: Any, call: Call) -> HookEnded:
        before = results_of.copied(call.job)
        state = app.job.state
        getattr(app, call.method, lambda: None)()  # a hook that the App has lost since the job was made does nothing
        now = app.job.__dict__
        patch = results_of.changed(before, now)
        return HookEnded(now["state"] if now["state"] != state else None, patch, json_values.plain(list(app._created)))

    def _unpickled(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if not any(isinstance(value, dict) and PICKLED in value for value in parameters.values()):
            return parameters
        if not self._pickles:
            raise ValueError("a parameter is pickled, and this site's policy (allow_pickle) takes JSON alone")
        import cloudpickle

        return {
            n: cloudpickle.loads(base64.b64decode(v[PICKLED])) if isinstance(v, dict) and PICKLED in v else v
            for n, v in parameters.items()
        }

    def _line(self, call: Call, outcome: Outcome) -> bytes:
        try:
            line = messages.answer(call, outcome, self.version)
        except BaseException as error:
            line = messages.answer(call, Raised(type(error).__name__, f"it cannot be reported: {error}"), self.version)
        if len(line) > MAX_ANSWER:
            message = "what it set is larger than 1 MiB; keep it in a file of the workdir"
            line = messages.answer(call, Raised("ValueError", message), self.version)
        return line

    @staticmethod
    def _flush() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # a full disk, or the call has closed it
                stream.flush()

    @property
    def must_end(self) -> bool:
        """Whether the last call left something behind: children, threads, much memory, or the source did not load."""
        if self._load_error or self._baseline.lasting or sys.stdout.closed or sys.stderr.closed:
            return True
        if threading.active_count() > self._threads:
            return True
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > self._size + GROWTH_KB:
            return True
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True


def described(error: BaseException, before: str = "") -> Raised:
    """An exception as it is reported; it is printed as well."""
    code = 1
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename not in (THIS, os.path.abspath(THIS))]
    lines = traceback.format_list(frames) + traceback.format_exception_only(type(error), error)
    tail = "\n".join("".join(lines).splitlines()[-TAIL_LINES:])[-TAIL_CHARS:]
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be shown)"
    print("".join(lines), file=sys.stderr)
    return Raised(type(error).__name__, (before + message)[:1000], tail, code)


def leave(results: str, name: str, answer: bytes) -> None:
    """Keep an answer that nobody took."""
    path = os.path.join(results, name + ".fn.json")
    with open(path + ".new", "wb") as file:
        file.write(answer)
    os.replace(path + ".new", path)


def main(source: str, results: str, fd: str, pickles: str, version: str = "1") -> None:
    """Answer until it must end or is alone."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    # Processes that multiprocessing starts import the App's module by its name, and this script not at all.
    sys.path.append(CHILD_PATH)
    sys.modules["__main__"].__dict__.pop("__file__", None)
    link, worker = Link(int(fd)), Worker(source, Output(), pickles=pickles == "1", version=int(version))
    lease, answer = "", b""
    while (received := link.receive()) is not None:
        line, folder = received
        call = messages.call(line, worker.version)
        lease, answer = call.lease, worker.answer(call, folder)
        os.chdir("/")
        ends = worker.must_end
        if not link.send(messages.recycle(worker.version) + answer if ends else answer):
            break
        if ends:
            os._exit(0)  # the spawner ends the process group, and with it what was left behind
    if answer:
        leave(results, lease, answer)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
