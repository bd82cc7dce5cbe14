"""Another token for a running agent: read anew where the site keeps it, when the server refuses the one in use."""

import logging
import threading
from collections.abc import Callable

from storax._runtime.transport import Call, Transport
from storax.errors import NotFound, StoraxError, Unauthorized

PROBE_SEC = 10.0
LOG = logging.getLogger(__name__)


class TokenRefresh:
    """The token in use by ``transport``. Safe for threads."""

    def __init__(
        self, transport: Transport, url: str, token: str | None, fresh: Callable[[], str | None], site_id: int | None
    ) -> None:
        self._transport, self._url, self._fresh, self._site_id = transport, url, fresh, site_id
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self.token = token

    def renew(self, token: str | None, *, refused: bool = False) -> bool:
        """Whether by now another token than ``token`` is in use; it is looked for where ``token`` still is.
        ``refused``: the server takes ``token`` no more."""
        with self._lock:
            if self.token != token:
                return True  # another thread was here first
            fresh = self._read()
            if fresh is None or fresh == token or not self._fits(fresh):
                if refused:
                    self._warn("the server refuses the token of this site; jobs run on, and reports wait for another")
                return False
            self.token = fresh
            self._transport.use_token(fresh)
            self._warned.clear()
            LOG.info("a new token is in use")
            return True

    def _read(self) -> str | None:
        try:
            return self._fresh() or None
        except (StoraxError, LookupError, OSError, ValueError) as error:
            self._warn(f"the token cannot be read: {error}")
            return None

    def _fits(self, token: str) -> bool:
        """A token of another user would not see the session, and its jobs would be stopped as lost."""
        if self._site_id is None:
            return True
        probe = Transport(self._url, token, connect_within=PROBE_SEC)
        try:
            probe.call(Call("GET", f"/sites/{self._site_id}", deadline=PROBE_SEC))
        except NotFound:
            self._warn(f"the new token is of a user who does not own site {self._site_id}; it is not used")
            return False
        except Unauthorized:
            self._warn("the new token is refused as well")
            return False
        except StoraxError:  # the server is away: later
            return False
        finally:
            probe.close()
        return True

    def _warn(self, message: str) -> None:
        if message not in self._warned:  # every call would say it
            LOG.warning(message)
        self._warned.add(message)
