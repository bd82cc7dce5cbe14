"""A warm worker: loads the source of one App once, then performs one call after another for the launcher.

Run as a script, ``worker.py SOURCE RESULTS SOCKET PICKLES``, by whichever interpreter the App names; so it uses the
standard library alone, imports nothing of Storax, and keeps to Python 3.9. Orders and answers are lines of JSON over an
inherited socket; with each order comes the open workdir. When the launcher is gone, the last answer is left as a file
in RESULTS, for the next launcher to find.
"""

from __future__ import annotations

import ast
import base64
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import threading
import traceback
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Any

# The folder of this file is searched for one module and then no more: an App must import what its interpreter has.
HERE = os.path.dirname(os.path.abspath(__file__))
if TYPE_CHECKING:
    from storax_agent.prepare.functions.worker_output import Output
else:
    sys.path.insert(0, HERE)
    from worker_output import Output

    sys.path[:] = [path for path in sys.path if path != HERE]

MAX_ANSWER = 1 << 20
GROWTH_KB = 512 << 10  # a worker that has grown by so much makes room for a fresh one
TAIL_LINES, TAIL_CHARS = 40, 4000
PICKLED = "__cloudpickle__"
SUBREAPER = 36  # prctl(PR_SET_CHILD_SUBREAPER): what a call leaves behind stays ours to see
DECLARATIONS = {"site", "name", "command_template", "parameters", "transfers", "environment", "environment_variables",
                "shell_preamble", "cleanup_files", "python_exe", "max_attempts", "retry_delay_sec", "retry_exit_codes",
                "retry_on_timeout", "use_shell", "description"}  # fmt: skip
# What a hook may change in its job.
CHANGEABLE = ("tags", "parameters", "data", "num_nodes", "ranks_per_node", "threads_per_rank", "mem_per_node_mb",
              "wall_time_min", "max_attempts", "return_value")  # fmt: skip


class Job:
    """The job of a call, as ``self.job``: the fields of its row. A hook may set ``state`` and the changeable ones."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


class App:
    """Stands in for ``storax.App`` at the site."""

    job: Any = None
    _made: tuple[dict[str, Any], ...] = ()

    def create_job(self, app: str, workdir: str, **fields: Any) -> None:
        """Have a job created when this hook's outcome is reported: all of a hook's jobs, or none where it fails."""
        self._made = (*self._made, {"app_name": app, "workdir": workdir, **fields})


def declares(node: ast.AST) -> bool:
    """Whether a statement of the class body says what the server has been told already."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id in DECLARATIONS for target in targets)


def load(path: str) -> Any:
    """The App's class: the last one in the source, on our own base class."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text, path)
    made = [node for node in tree.body if isinstance(node, ast.ClassDef)][-1]
    made.body = [node for node in made.body if not declares(node)] or [ast.copy_location(ast.Pass(), made)]
    made.bases, made.keywords, made.decorator_list = [ast.copy_location(ast.Name("App", ast.Load()), made)], [], []
    module = types.ModuleType("storax_app")
    module.__file__ = path
    sys.modules["storax_app"] = module
    module.__dict__.update(App=App, ApplicationDefinition=App)
    code = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - what this process is for; the site's policy has allowed the App
    return getattr(module, made.name)


class Link:
    """The conversation with the launcher."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._rest = b""

    def receive(self) -> tuple[dict[str, Any], int] | None:
        """The next order and the open workdir; None when the launcher is gone."""
        blocks, handles = [self._rest], list[int]()
        while b"\n" not in blocks[-1]:
            try:
                block, given, _, _ = socket.recv_fds(self._socket, 1 << 16, 1)
            except OSError:
                return None
            if not block:
                return None
            blocks.append(block)
            handles += given
        line, _, self._rest = b"".join(blocks).partition(b"\n")
        return json.loads(line), handles[0]

    def send(self, answer: bytes) -> bool:
        """Give an answer; returns whether the launcher was there to take it."""
        try:
            self._socket.sendall(answer)
        except OSError:
            return False
        return True


class Worker:
    """Performs calls; ``pickles`` is whether this site's policy lets values be pickled."""

    def __init__(self, source: str, *, pickles: bool) -> None:
        self._pickles = pickles
        self._output = Output()
        self._class: Any = None
        self._fault: dict[str, Any] | None = None
        try:
            self._class = load(source)
        except BaseException as error:
            self._fault = self._told(error, "the App's source could not be loaded: ")
        self._threads = threading.active_count()
        self._size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._environment = _variables().copy()

    def answer(self, order: dict[str, Any], folder: int) -> bytes:
        """Perform one call; returns the answer's line."""
        try:
            os.fchdir(folder)
            self._output.begin(folder, order["m"])
        except OSError as error:
            os.close(folder)
            return self._line(order, {"x": ["OSError", f"its workdir cannot be entered: {error}", "", 1]})
        outcome = self._fault or self._perform(order)
        self._restore()
        try:
            self._output.end()
        except OSError as error:
            outcome = {"x": ["OSError", f"its output cannot be written: {error}", "", 1]}
        return self._line(order, outcome)

    def _perform(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            os.environ["STORAX_JOB_ID"] = str(order["j"]["id"])
            app = self._class()
            app.job = Job(order["j"])
            if order["m"] == "run":
                return {"v": app.run(**self._unpickled(order["p"]))}
            return self._hook(app, order)
        except BaseException as error:  # also SystemExit: it is the end of the call, not of the worker
            return self._told(error)

    def _hook(self, app: Any, order: dict[str, Any]) -> dict[str, Any]:
        was = {name: json.dumps(order["j"].get(name)) for name in CHANGEABLE}
        state = app.job.state
        getattr(app, order["m"], lambda: None)()  # a hook that the App has lost since the job was made does nothing
        now = app.job.__dict__
        patch = {n: now.get(n) for n in CHANGEABLE if json.dumps(now.get(n)) != was[n]}
        said = now["state"] if now["state"] != state else None
        return {"h": said, "patch": patch, "jobs": list(app._made)}

    def _unpickled(self, given: dict[str, Any]) -> dict[str, Any]:
        if not any(isinstance(value, dict) and PICKLED in value for value in given.values()):
            return given
        if not self._pickles:
            raise ValueError("a parameter is pickled, and this site's policy (allow_pickle) takes JSON alone")
        import cloudpickle

        return {
            n: cloudpickle.loads(base64.b64decode(v[PICKLED])) if isinstance(v, dict) and PICKLED in v else v
            for n, v in given.items()
        }

    def _line(self, order: dict[str, Any], outcome: dict[str, Any]) -> bytes:
        try:
            text = json.dumps({"n": order["n"], "o": outcome}, allow_nan=False)
        except BaseException as error:
            text = self._strange(order, outcome, error)
        if len(text) > MAX_ANSWER:
            words = "its result is larger than 1 MiB; keep it in a file of the workdir"
            text = json.dumps({"n": order["n"], "o": {"x": ["ValueError", words, "", 1]}})
        return text.encode() + b"\n"

    def _strange(self, order: dict[str, Any], outcome: dict[str, Any], error: BaseException) -> str:
        if self._pickles and "v" in outcome:
            try:
                import cloudpickle

                value = {PICKLED: base64.b64encode(cloudpickle.dumps(outcome["v"])).decode()}
                return json.dumps({"n": order["n"], "o": {"v": value}})
            except BaseException as second:
                error = second
        what = "what the hook set" if "h" in outcome else f"its return value ({type(outcome.get('v')).__name__})"
        words = f"{what} cannot be written as JSON: {error}; return plain data, or write a file"
        return json.dumps({"n": order["n"], "o": {"x": [type(error).__name__, words, "", 1]}})

    @staticmethod
    def _told(error: BaseException, before: str = "") -> dict[str, Any]:
        code = 1
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        here = os.path.abspath(__file__)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename not in (here, __file__)]
        lines = traceback.format_list(frames) + traceback.format_exception_only(type(error), error)
        tail = "\n".join("".join(lines).splitlines()[-TAIL_LINES:])[-TAIL_CHARS:]
        try:
            words = str(error)
        except BaseException:
            words = "(its message cannot be shown)"
        print("".join(lines), file=sys.stderr)
        return {"x": [type(error).__name__, (before + words)[:1000], tail, code]}

    def _restore(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # a full disk, or the call has closed it
                stream.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ.pop("STORAX_JOB_ID", None)
        if _variables() != self._environment:
            os.environ.clear()
            _refill(self._environment)

    @property
    def worn(self) -> bool:
        """Whether the last call left something behind: children, threads, much memory, or the source did not load."""
        if self._fault or sys.stdout.closed or sys.stderr.closed or threading.active_count() > self._threads:
            return True
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > self._size + GROWTH_KB:
            return True
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True


def _variables() -> dict[bytes, bytes]:
    """The environment's own dictionary, which is compared 20 times faster than the mapping around it."""
    found: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    return found


def _refill(variables: dict[bytes, bytes]) -> None:
    for name, value in variables.items():
        os.environb[name] = value


def leave(results: str, name: str, answer: bytes) -> None:
    """Keep an answer that nobody took."""
    path = os.path.join(results, name + ".fn.json")
    with open(path + ".new", "wb") as file:
        file.write(answer)
    os.replace(path + ".new", path)


def main(source: str, results: str, fd: str, pickles: str) -> None:
    """Answer until worn or alone."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    link, worker = Link(int(fd)), Worker(source, pickles=pickles == "1")
    name, answer = "", b""
    while True:
        found = link.receive()
        if found is None:
            break
        order, folder = found
        name, answer = order["n"], worker.answer(order, folder)
        os.chdir("/")
        worn = worker.worn
        if not link.send(b'{"w":1}\n' + answer if worn else answer):
            break
        if worn:
            os._exit(0)  # the launcher ends the process group, and with it what was left behind
    if answer:
        leave(results, name, answer)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
