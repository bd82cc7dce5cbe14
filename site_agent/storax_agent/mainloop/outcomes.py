"""From what became of a process to what is reported of its job."""

import errno
import logging
import os
import re
import signal
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from storax._json_values import Unstorable, plain
from storax._runtime.output_files import name_of
from storax_agent.files.safe_path import PathError, open_folder
from storax_agent.launch.work import Ended, Returned
from storax_agent.mainloop.report_entry import Entry, cancelled, entry, given_back, move, refusal
from storax_agent.prepare.functions import call_outcomes

MAX_RESULT_BYTES = 1 << 20
TAIL_BYTES, TAIL_LINES = 2048, 10
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

LOG = logging.getLogger(__name__)


class ResultError(ValueError):
    """The result file is not what it may be; the message says how."""


@dataclass
class OutcomeMapper:
    """Reads what a process left: its result file and the end of its stderr. ``data`` is the open data folder;
    ``stop_reason`` is why the jobs are stopped that end with this process."""

    data: int
    results: Path
    stop_reason: str = "the site agent was stopped"

    def outcome(self, ended: Ended) -> Entry | None:
        """The report of an end; None when there is nobody to tell, as the lease is gone, and for a hook that is to run
        again."""
        try:
            row = self._outcome(ended)
        except Exception as error:  # one job's strange leavings must not hold up the others
            LOG.exception("job %d: what it left could not be read", ended.lease.job_id)
            row = _error(ended, message=f"the site agent could not read what the job left: {error!r}"[:500])
        full = ended.message if ended.cause == "exit" else ""
        if not full or row is None or row["moves"][-1]["to"] not in ("RUN_ERROR", "FAILED"):
            return row
        return _lost_to_full_disk(ended, row, full) if ended.stage in ("", "run") else None

    def _outcome(self, ended: Ended) -> Entry | None:
        if ended.stage and (ended.stage != "run" or ended.cause == "exit"):
            return self._of_call(ended)
        value, flaw = self._take_result(ended)
        if ended.cause in ("exit", "lost") and (of_ranks := call_outcomes.of_ranks(value, ended)):
            return self._of_call(of_ranks)
        return _RULES[ended.cause](self, ended, value, flaw)

    def _of_call(self, ended: Ended) -> Entry | None:
        """The end of a function or a hook."""
        if ended.stage == "run":
            tail = self.tail(ended) if ended.outcome is None else ""
            to, data, patch = call_outcomes.of_run(ended, _exit_text(ended.code), tail)
            return entry(ended.lease, [move(to, ended.at, **data)], patch)
        if ended.cause == "cancelled":
            return cancelled(ended.lease, ended.at)
        if ended.cause in ("stopped", "stale", "lost") and ended.outcome is None:
            return None  # it is run again by whoever takes the job next
        to, data, patch, jobs = call_outcomes.of_hook(ended, _exit_text(ended.code))
        row = entry(ended.lease, [move(to, ended.at, **data)], patch)
        if jobs:
            row["jobs"] = jobs
        return row

    def _take_result(self, ended: Ended) -> tuple[Any, str]:
        if not ended.started or ended.stage:
            return None, "none"
        path = f"{self.results}/{ended.lease.name}.json"
        try:
            value = _read_result(path)
        except FileNotFoundError:
            return None, "none"
        except ResultError as error:
            return None, f"{error}; {self._keep_result(path, ended)}"
        except OSError as error:
            what = "is a symlink" if error.errno == errno.ELOOP else f"cannot be read ({error.strerror})"
            return None, f"its result file {what}; {self._keep_result(path, ended)}"
        with suppress(OSError):
            Path(path).unlink()
        return value, ""

    def _keep_result(self, path: str, ended: Ended) -> str:
        """Move a result that cannot be stored into the workdir; returns the sentence that says where it is."""
        name = f"result-{ended.lease.job_id}.json"
        if not Path(path).is_file() or Path(path).is_symlink():
            with suppress(OSError):
                Path(path).unlink()
            return "nothing is kept of it"
        try:
            folder = open_folder(self.data, ended.workdir)
            try:
                os.rename(path, name, dst_dir_fd=folder)
            finally:
                os.close(folder)
        except (OSError, PathError):  # the workdir is gone, or on another disk
            return f"it is kept as {path}"
        return f"it is kept in {name} of its workdir"

    def tail(self, ended: Ended) -> str:
        """The last ten lines of a job's stderr, at most 2 KB, without control characters."""
        try:
            folder = open_folder(self.data, ended.workdir)
        except (OSError, PathError):
            return ""
        try:
            name = name_of(ended.lease.job_id, 1, lambda name: _is_in(folder, name))
            handle = os.open(name, READ, dir_fd=folder)
        except OSError:
            return ""
        finally:
            os.close(folder)
        if not _is_regular(handle):
            os.close(handle)
            return ""
        with os.fdopen(handle, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
        return CONTROL.sub("", "\n".join(text.splitlines()[-TAIL_LINES:]))

    def _exit(self, ended: Ended, value: Any, flaw: str) -> Entry:
        if ended.code == 0 and flaw in ("", "none"):
            return _done(ended, value, flaw)
        if ended.code == 0:  # another attempt would leave the same
            return entry(ended.lease, [move("FAILED", ended.at, message=flaw)], _code(ended))
        return _error(ended, message=_exit_text(ended.code), stderr_tail=self.tail(ended))

    def _cancelled(self, ended: Ended, value: Any, flaw: str) -> Entry:
        """Keep the result of a process or function that ended well when it was stopped."""
        if isinstance(ended.outcome, Returned):
            return cancelled(ended.lease, ended.at, {"return_code": 0, "return_value": ended.outcome.value})
        patch = (_code(ended) or {}) | ({} if flaw else {"return_value": value})
        return cancelled(ended.lease, ended.at, patch, flaw="" if flaw == "none" else flaw)

    def _wall_time(self, ended: Ended, _value: Any, _flaw: str) -> Entry:
        message = f"{ended.message or 'it reached its limit'} (wall_time_limit_min)"
        timeout = move("RUN_TIMEOUT", ended.at, message=message, stderr_tail=self.tail(ended))
        return entry(ended.lease, [timeout], _code(ended))

    def _output(self, ended: Ended, _value: Any, _flaw: str) -> Entry:
        return _error(ended, message=ended.message, stderr_tail=self.tail(ended))

    def _stopped(self, ended: Ended, _value: Any, _flaw: str) -> Entry | None:
        if not ended.started:
            return None  # its lease goes back with the session
        lost = move("RUN_TIMEOUT", ended.at, message=self.stop_reason, lease_lost=True)
        return entry(ended.lease, [lost], _code(ended))

    def _stale(self, _ended: Ended, _value: Any, _flaw: str) -> None:
        return None

    def _lost(self, ended: Ended, value: Any, flaw: str) -> Entry:
        if not flaw:
            message = "its exit code was lost with the launcher; its result file is complete"
            return entry(ended.lease, [move("RUN_DONE", ended.at, message=message)], {"return_value": value})
        message = ended.message or "its launcher was killed, and its exit code is not known"
        return entry(ended.lease, [move("RUN_TIMEOUT", ended.at, message=message, lease_lost=True)])

    def _not_started(self, ended: Ended, _value: Any, _flaw: str) -> Entry:
        failed = move("RUN_ERROR", ended.at, message=ended.message)
        return entry(ended.lease, [move("RUNNING", ended.at), failed], _code(ended))

    def _no_time(self, ended: Ended, _value: Any, _flaw: str) -> Entry:
        return given_back(ended.lease, ended.message)

    def _refused(self, ended: Ended, _value: Any, _flaw: str) -> Entry:
        return refusal(ended.lease, ended.at, ended.message)


_RULES: dict[str, Callable[[OutcomeMapper, Ended, Any, str], Entry | None]] = {
    "exit": OutcomeMapper._exit,
    "cancelled": OutcomeMapper._cancelled,
    "wall_time": OutcomeMapper._wall_time,
    "output": OutcomeMapper._output,
    "stopped": OutcomeMapper._stopped,
    "stale": OutcomeMapper._stale,
    "lost": OutcomeMapper._lost,
    "command": OutcomeMapper._not_started,
    "system": OutcomeMapper._not_started,
    "workdir": OutcomeMapper._refused,
    "no_time": OutcomeMapper._no_time,
}


def _done(ended: Ended, value: Any, flaw: str) -> Entry:
    patch = {"return_code": 0} if flaw else {"return_code": 0, "return_value": value}
    return entry(ended.lease, [move("RUN_DONE", ended.at)], patch)


def _error(ended: Ended, **data: Any) -> Entry:
    return entry(ended.lease, [move("RUN_ERROR", ended.at, **data)], _code(ended))


def _lost_to_full_disk(ended: Ended, row: Entry, full: str) -> Entry:
    """The report of a run that failed while a disk was full: a loss, not an error of its own."""
    data = row["moves"][-1]["data"]
    message = f"{full}; it ended meanwhile: {data.get('message', 'it failed')}"
    lost = move("RUN_TIMEOUT", ended.at, **{**data, "message": message[:1000], "lease_lost": True})
    return entry(ended.lease, [lost], _code(ended))


def _code(ended: Ended) -> dict[str, Any] | None:
    return None if ended.code is None else {"return_code": ended.code}


def _exit_text(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _is_regular(handle: int) -> bool:
    """Whether an open file is one that can be read to its end: no folder, pipe or device."""
    return stat.S_ISREG(os.fstat(handle).st_mode)


def _read_result(path: str) -> Any:
    """The JSON of a result file. Raises ResultError, or FileNotFoundError when the process wrote none."""
    handle = os.open(path, READ)
    if not _is_regular(handle):
        os.close(handle)
        raise ResultError("its result file is a folder, a pipe or the like")
    with os.fdopen(handle, "rb") as file:
        text = file.read(MAX_RESULT_BYTES + 1)
    if len(text) > MAX_RESULT_BYTES:
        raise ResultError(f"its result is larger than {MAX_RESULT_BYTES >> 20} MiB")
    try:
        value = plain(from_json(text))
    except Unstorable as error:
        raise ResultError(f"its result cannot be stored: {error}") from error
    except ValueError as error:
        raise ResultError(f"its result file is not JSON: {error}") from error
    if len(to_json(value)) > MAX_RESULT_BYTES:  # 1e9 is 1000000000.0 to the server
        raise ResultError(f"its result is larger than {MAX_RESULT_BYTES >> 20} MiB with all its digits")
    return value


def _is_in(folder: int, name: str) -> bool:
    with suppress(OSError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False
