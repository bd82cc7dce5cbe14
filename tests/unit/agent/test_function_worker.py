"""A warm worker: what one call does to its process never reaches the next, and child processes import the App."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from storax_agent.launch.protocol.worker_messages import VERSION, Answer, CallMethod, Recycle, decode_answer, encode
from storax_agent.prepare.functions.sources import WORKER

SOURCE = '''
from __future__ import annotations
import logging
import os
import random
import resource
import signal


def square(x):
    return x * x


class Mixin:
    factor = 2


class Base(Mixin, App):
    site = UNKNOWN_AT_THE_SITE

    def scale(self, x):
        return self.factor * x


class Scaled(Base):
    """Hooks and helpers that it inherits."""

    factor = 7

    def scale(self, x):
        return super().scale(x) + 1

    def run(self, how, x=1):
        return getattr(self, how)(x)

    def pool(self, kind):
        import multiprocessing

        with multiprocessing.get_context(kind).Pool(2) as pool:
            return pool.map_async(square, range(4)).get(30)

    def executor(self, kind):
        import concurrent.futures
        import multiprocessing

        with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as pool:
            return list(pool.map(square, range(4), timeout=30))

    def fork_and_return(self, x):
        return "child" if os.fork() == 0 else os.wait()[1]

    def fork_and_raise(self, x):
        if os.fork() == 0:
            raise SystemExit(3)
        return os.waitstatus_to_exitcode(os.wait()[1])

    def alarm(self, x):
        signal.setitimer(signal.ITIMER_REAL, 60)

    def blocked_alarm(self, x):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        signal.raise_signal(signal.SIGALRM)

    def handlers(self, x):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

    def folder(self, x):
        os.chdir("/tmp")

    def mask(self, x):
        os.umask(0o007)

    def environment(self, x):
        os.environ.update(LEFT="1", PATH="")

    def limit(self, x):
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def hard_limit(self, x):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def niceness(self, x):
        os.nice(1)

    def streams(self, x):
        import io
        import sys

        sys.stdout = io.StringIO()
        os.dup2(os.open("other.txt", os.O_WRONLY | os.O_CREAT, 0o600), 1)

    def log_file(self, x):
        logging.basicConfig(filename="call.log", level=logging.DEBUG)

    def seed(self, x):
        random.seed(7)
        random.random()

    def number(self, x):
        return random.random()

    def set_tags(self, x):
        self.job.tags = {}

    def preprocess(self):
        self.job.tags["seen"] = "1"
        setattr(self.job, *self.job.parameters["set"])

    def state(self, x):
        print("seen")
        mask = os.umask(0)
        os.umask(mask)
        handlers = [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP)]
        blocked = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        timer = signal.getitimer(signal.ITIMER_REAL)
        limit, level = resource.getrlimit(resource.RLIMIT_NOFILE), logging.root.level
        return [mask, sorted(os.environ), handlers, blocked, limit, level, len(logging.root.handlers), os.nice(0), *timer]
'''


class FunctionWorker:
    """A real worker without a spawner."""

    def __init__(self, folder, python):
        self.folder = folder
        (folder / "source.py").write_text(SOURCE)
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(60)
        argv = [python, WORKER, folder / "source.py", folder, str(theirs.fileno()), "0", str(VERSION)]
        with theirs:
            self.process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], start_new_session=True, stdin=subprocess.DEVNULL
            )
        self._lines = self._socket.makefile("rb")

    def call(self, how, x=1):
        """Return the outcome of ``run()``, and whether the worker ends after it."""
        return self._call(CallMethod("1.1.1", "run", {"how": how, "x": x}, {"id": 1}))

    def hook(self, name, value):
        """Return the outcome of a hook that sets a field of its job."""
        job = {"id": 1, "workdir": "w", "state": "STAGED_IN", "tags": {}, "parameters": {"set": [name, value]}}
        return self._call(CallMethod("1.1.1", "preprocess", {}, job))[0]

    def _call(self, call):
        number = os.open(self.folder, os.O_RDONLY)
        line = encode(call)
        socket.send_fds(self._socket, [line], [number])
        os.close(number)
        answer = decode_answer(self._lines.readline())
        recycled = isinstance(answer, Recycle)
        if recycled:
            answer = decode_answer(self._lines.readline())
        assert isinstance(answer, Answer)
        return answer.outcome, recycled

    def value(self, how, x=1):
        return self.call(how, x)[0].value

    def close(self):
        self._lines.close()
        self._socket.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def worker(tmp_path):
    worker = FunctionWorker(tmp_path, sys.executable)
    yield worker
    worker.close()


def test_methods_attributes_and_super_come_from_base_classes_and_mixins(worker):
    assert worker.value("scale", 3) == 22


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
def test_child_processes_of_multiprocessing_import_the_app(worker, kind):
    assert worker.value("pool", kind) == [0, 1, 4, 9]


def test_a_process_pool_executor_may_spawn(worker):
    assert worker.value("executor", "spawn") == [0, 1, 4, 9]


def test_a_forked_child_that_comes_back_from_the_call_ends_and_answers_nothing(worker):
    assert worker.value("fork_and_return") == 0
    assert worker.value("fork_and_raise") == 3
    assert worker.value("scale", 1) == 8


@pytest.mark.parametrize(
    "how",
    ["alarm", "blocked_alarm", "handlers", "folder", "mask", "environment", "limit", "streams", "log_file"],
)
def test_what_a_call_changes_in_its_process_is_undone_before_the_next(worker, how):
    before = worker.value("state")
    assert worker.call(how)[1] is False
    (worker.folder / "job.out").unlink(missing_ok=True)
    assert worker.value("state") == before
    assert (worker.folder / "job.out").read_text() == "seen\n"


@pytest.mark.parametrize("how", ["hard_limit", "niceness"])
def test_a_worker_whose_process_cannot_be_put_back_is_not_used_again(worker, how):
    assert worker.call(how)[1] is True


def test_a_seed_of_one_call_does_not_make_the_numbers_of_the_next(worker):
    numbers = []
    for _ in range(2):
        worker.value("seed")
        numbers.append(worker.value("number"))
    assert len(set(numbers)) == 2


def test_a_hook_changes_what_it_may_of_its_job(worker):
    ended = worker.hook("num_nodes", 2)
    assert (ended.state, ended.patch) == (None, {"num_nodes": 2, "tags__merge": {"seen": "1"}})
    assert worker.hook("state", "FAILED").state == "FAILED"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tagz", "self.job has no field 'tagz'; did you mean 'tags'?"),
        ("stat", "self.job has no field 'stat'; did you mean 'state'?"),
        (
            "workdir",
            "a hook cannot set 'workdir' of its job; it may set data, max_attempts, max_losses, mem_per_node_mb",
        ),
    ],
)
def test_a_field_that_a_hook_cannot_set_is_an_error_and_not_lost(worker, name, message):
    raised = worker.hook(name, "x")
    assert raised.exception == "AttributeError"
    assert raised.message.startswith(message)


def test_run_cannot_change_its_job(worker):
    raised = worker.call("set_tags")[0]
    assert raised.message == "run() cannot change 'tags' of its job; return a value, or write a hook"
