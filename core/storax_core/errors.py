"""Every error the core raises, as one tree; the API's ``errors.py`` alone turns them into HTTP answers.

CoreError
├── NotFound          the named thing does not exist for this caller
│   └── Restored      the server was restored to a state before it existed; names the epoch and the last position kept
│       └── LostPosition  the same, of a position in the log
├── Invalid           the input breaks a rule; names the field and the nearest right name
├── TooLarge          the input exceeds a published limit
├── TooSlow           the body did not come in time
├── TooMany           this caller has too much under way at once; try again a little later
├── Unauthorized      no valid token, or a wrong password
├── Forbidden         the token is that of a site, which may lease and report there alone
├── TooManyLogins     too many logins failed; try again later
├── Conflict          the current state of the data forbids it
│   ├── IllegalMove   a transition that the table does not allow
│   ├── StaleVersion  the row changed since the caller read it
│   ├── Leased        a running or leased job must be cancelled first
│   └── KeyReused     an idempotency key was used before with another body
└── Unavailable       a server that the API needs is down; try again
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar


class CoreError(Exception):
    """Base of all core errors.

    ``detail`` says what happened, ``hint`` what to do about it, ``errors`` lists ``{"loc": [...], "msg": str}`` rows.
    """

    code: ClassVar[str] = "error"
    members: Mapping[str, int] = MappingProxyType({})  # further members of the answer
    retry_after: int = 0  # seconds after which the call may be sent again; 0: not said

    def __init__(self, detail: str, *, hint: str = "", errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.errors = errors or []


class NotFound(CoreError):
    """The resource does not exist, or belongs to another user."""

    code = "not_found"


class Restored(NotFound):
    """The server was restored to a state in which the named thing did not exist; begin again from what it has now.

    ``epoch`` is the epoch that began with the restore, ``restored_to`` the last position that was kept.
    """

    code = "restored"

    def __init__(self, detail: str, *, hint: str = "", epoch: int = 0, restored_to: int = 0) -> None:
        super().__init__(detail, hint=hint)
        self.members = {"epoch": epoch, "restored_to": restored_to}


class LostPosition(Restored):
    """A place in the log behind which nothing can be read: its event was lost, or never was."""

    code = "lost_position"


class Invalid(CoreError):
    """The input is invalid."""

    code = "invalid"


class TooLarge(CoreError):
    """The input exceeds a published limit."""

    code = "too_large"


class TooSlow(CoreError):
    """The request's body did not come in time. Send the call again."""

    code = "too_slow"


class TooMany(CoreError):
    """Too many calls at once. Wait for ``Retry-After`` seconds."""

    code = "too_many"

    def __init__(self, detail: str, *, hint: str = "", retry_after: int = 1) -> None:
        super().__init__(detail, hint=hint or "Try again in a moment, with the same key.")
        self.retry_after = retry_after


class Unauthorized(CoreError):
    """No valid token, or a wrong password."""

    code = "unauthorized"


class Forbidden(CoreError):
    """The token may not do this."""

    code = "forbidden"


class TooManyLogins(CoreError):
    """Logins failed too often, for this account or from this address; ``retry_after`` is in seconds."""

    code = "too_many_logins"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "too many logins have failed for this account or from this address", hint=f"Try again in {retry_after} s."
        )
        self.retry_after = retry_after


class Conflict(CoreError):
    """The current state does not allow the call."""

    code = "conflict"


class IllegalMove(Conflict):
    """The table of transitions does not allow this state transition."""

    code = "illegal_move"


class StaleVersion(Conflict):
    """The row has changed since the caller read it."""

    code = "stale_version"


class Leased(Conflict):
    """The job is running or leased. Cancel it first."""

    code = "leased"


class KeyReused(Invalid):
    """The idempotency key was used before, with another body."""

    code = "key_reused"


class Unavailable(CoreError):
    """The server cannot answer now. Retry later."""

    code = "unavailable"
