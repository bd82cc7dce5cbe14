"""The errors of the client, one tree; all have ``hint``, ``code``, ``status`` and ``request_id``.

StoraxError
├── InvalidInput                 a value breaks a rule; also a ValueError
│   ├── UnknownName              no such field, filter, ordering or parameter; also AttributeError and TypeError
│   ├── ReadOnly                 a field that cannot be set (any more); also an AttributeError
│   ├── NoColumn                 a data frame has no such column; also a KeyError
│   ├── SlicedQuery              filter, order, update or delete after a slice; also a TypeError
│   └── TooLarge                 the request exceeds a limit of the server
├── NotConfigured                no argument, variable or profile names a server; also a LookupError
├── Unauthorized                 no token, or a token that is wrong, expired or revoked
│   └── Forbidden                the token is that of a site, which may lease and report there alone
├── NotFound                     no such object, or not yours; also a LookupError
│   ├── DoesNotExist             base of Job.DoesNotExist, Site.DoesNotExist, ...
│   ├── NoDataFrame              the project has no such data frame; also a ValueError and an AttributeError
│   ├── NoPipeline               the project has no such pipeline; also an AttributeError
│   ├── Restored                 the server was restored to an older state, which does not have it
│   ├── NoFile                   a file that is not there; also a FileNotFoundError
│   └── NoSuchName               no App or site has this name; also an InvalidInput
├── NoProject                    no project is set in this process, or the engine has not opened it
├── MultipleObjectsReturned      base of Job.MultipleObjectsReturned, ...: get() matched more than one
├── Conflict                     the present state forbids it
│   ├── IllegalMove              a state transition that is not allowed
│   ├── StaleVersion             it changed since it was read
│   └── Leased                   a running or leased job must be cancelled first
├── Unavailable                  the server cannot answer now
│   ├── ServerDown               nothing answers at its address; also a ConnectionError
│   ├── NotStorax                something else answers at its address
│   ├── EngineDown               the engine cannot be started, or has ended; also a ConnectionError
│   └── DeadlineExceeded         it took too long; also a TimeoutError
├── NoResult                     Job.NoResult: the job has not ended yet
└── JobFailed                    Job.Failed: the job ended as FAILED
    └── JobCancelled             Job.Cancelled: the job ended as CANCELLED
"""

from collections.abc import Iterable
from typing import Any

from storax._tracebacks import without_internal_frames


class StoraxError(Exception):
    """Base of all errors of the client.

    ``hint`` says what to do, ``code`` is the server's name of the error, ``status`` the HTTP status or None,
    ``request_id`` the call's id in the server's log or None, ``errors`` the single faults as
    ``{"loc": [...], "msg": str}``, ``retry_after`` the seconds after which a call may succeed, or None.
    """

    code: str = "error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        errors: Iterable[dict[str, Any]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.request_id = request_id
        self.errors = list(errors)
        self.retry_after = retry_after

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message if self.message.endswith(('.', '!', '?')) else self.message + '.'} {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__

    _render_traceback_ = without_internal_frames  # what a notebook shows


class StoraxWarning(UserWarning):
    """An operation was carried out in part; the message says what was left out."""


class AgentAbsent(StoraxWarning):
    """Work was created for a site whose agent is not there: it waits. The message says how to start the agent."""


class InvalidInput(StoraxError, ValueError):
    """A value breaks a rule."""

    code = "invalid"


class UnknownName(InvalidInput, AttributeError, TypeError):
    """There is no such field, filter, ordering or parameter; the hint names the nearest one."""


class ReadOnly(InvalidInput, AttributeError):
    """A field that cannot be set, or cannot be set any more."""


class SlicedQuery(InvalidInput, TypeError):
    """A query that was sliced already cannot be filtered, ordered, updated or deleted."""


class NoColumn(UnknownName, KeyError):
    """A data frame has no such column; the hint names the nearest one."""

    code = "no_column"


class TooLarge(InvalidInput):
    """The request exceeds a limit of the server."""

    code = "too_large"


class NotConfigured(StoraxError, LookupError):
    """No argument, variable or profile names a server."""


class Unauthorized(StoraxError):
    """No token, or a token that is wrong, expired or revoked."""

    code = "unauthorized"


class Forbidden(Unauthorized):
    """The token is valid, and is not for this call: that of a site may lease and report there alone."""

    code = "forbidden"


class NotFound(StoraxError, LookupError):
    """There is no such object, or it is not yours."""

    code = "not_found"


class DoesNotExist(NotFound):
    """Nothing matches; each model has its own, such as ``Job.DoesNotExist``."""


class NoDataFrame(NotFound, ValueError, AttributeError):
    """The project has no such data frame, in memory or on disk."""

    code = "no_data_frame"


class NoPipeline(NotFound, AttributeError):
    """The project has no such pipeline."""

    code = "no_pipeline"


class Restored(NotFound):
    """The server was restored to an older state without it: ``epoch`` is the restore's number, ``restored_to`` the last
    log position that was kept; 0 if unknown."""

    epoch = restored_to = 0
    code = "restored"


class NoFile(NotFound, FileNotFoundError):
    """A file that is not there."""

    code = "no_file"


class NoSuchName(NotFound, InvalidInput):
    """No App or site has this name; the hint names the nearest."""


class NoProject(StoraxError):
    """No project is set in this process, or the engine has not opened it."""

    code = "no_project"


class MultipleObjectsReturned(StoraxError):
    """``get()`` matched more than one; each model has its own, such as ``Job.MultipleObjectsReturned``."""


class Conflict(StoraxError):
    """The present state forbids it."""

    code = "conflict"


class IllegalMove(Conflict):
    """A state transition that is not allowed."""

    code = "illegal_move"


class StaleVersion(Conflict):
    """It changed since it was read."""

    code = "stale_version"


class Leased(Conflict):
    """A running or leased job must be cancelled first."""

    code = "leased"


class Unavailable(StoraxError):
    """The server cannot answer now."""

    code = "unavailable"


class ServerDown(Unavailable, ConnectionError):
    """Nothing answers at the server's address."""

    code = "server_down"


class NotStorax(Unavailable):
    """What answers at the server's address is not Storax: another server, or a proxy before it."""

    code = "not_storax"


class EngineDown(Unavailable, ConnectionError):
    """The engine cannot be started, or has ended."""

    code = "engine_down"


class DeadlineExceeded(Unavailable, TimeoutError):
    """It took too long."""


class NoResult(StoraxError):
    """The job has not ended yet; also ``Job.NoResult``."""


class JobFailed(StoraxError):
    """The job ended as FAILED; also ``Job.Failed``. ``job`` is the job, ``reason`` the server's reason.

    Where ``run()`` or a hook raised, ``exception`` is the name of the exception's type, ``exception_message`` its
    message, ``traceback_tail`` the last lines of its traceback at the site; otherwise they are empty.
    """

    job: Any = None
    reason: str = ""
    exception: str = ""
    exception_message: str = ""
    traceback_tail: str = ""
    code = "job_failed"


class JobCancelled(JobFailed):
    """The job ended as CANCELLED; also ``Job.Cancelled``. ``job.return_value`` is the result if its run ended well.

    It is a ``JobFailed``, so that a script which handles that one handles both.
    """

    code = "job_cancelled"


_HINTS: dict[type[StoraxError], str] = {
    Unauthorized: "Log in with `storax login URL`, or set STORAX_TOKEN.",
    Leased: "Cancel it first: job.cancel(), then job.wait().",
    StaleVersion: "Call refresh_from_db(), then change it again.",
}


_KINDS: tuple[type[StoraxError], ...] = (
    InvalidInput, TooLarge, Unauthorized, Forbidden, NotFound, Conflict, IllegalMove, StaleVersion, Leased, Unavailable,
    Restored, NoColumn, NoDataFrame, NoPipeline, NoFile, NoProject, ServerDown, EngineDown, JobFailed, JobCancelled,
)  # fmt: skip
_BY_CODE = {kind.code: kind for kind in _KINDS} | {"lost_position": Restored}
_BY_STATUS: dict[int, type[StoraxError]] = {
    401: Unauthorized, 403: Forbidden, 404: NotFound, 408: Unavailable, 409: Conflict, 410: NotFound, 413: TooLarge,
    425: Unavailable, 429: Unavailable,
}  # fmt: skip


def from_answer(
    status: int, problem: dict[str, Any], *, request_id: str | None = None, retry_after: float | None = None
) -> StoraxError:
    """Return the error of a reply with this status and problem body."""
    code = str(problem.get("code") or "")
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, Unavailable if status >= 500 else InvalidInput)
    error = kind(
        str(problem.get("detail") or problem.get("title") or f"The server answered {status}."),
        hint=str(problem.get("hint") or _HINTS.get(kind, "")),
        status=status,
        request_id=problem.get("request_id") or request_id,
        errors=problem.get("errors") or [],
        retry_after=retry_after,
    )
    error.code = code or kind.code
    if isinstance(error, Restored):
        error.epoch, error.restored_to = int(problem.get("epoch") or 0), int(problem.get("restored_to") or 0)
    return error
