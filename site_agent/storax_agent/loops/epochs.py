"""Follow the server's epoch: after a restore, the site says again what the restored log does not know."""

import logging
import threading
from collections.abc import Iterable

from storax_agent.mainloop.agent import Agent
from storax_agent.server.site_api import Epoch, SiteApi

LOG = logging.getLogger(__name__)


class Epochs:
    """Compares the server's epoch with the one that the outbox notes; ``noted`` is empty at a new site.

    Safe for threads.
    """

    def __init__(self, api: SiteApi, agent: Agent, noted: str) -> None:
        self._api, self._agent = api, agent
        self._known = int(noted) if noted else None
        self._lock = threading.Lock()

    def follow(self, session: int, epoch: Epoch) -> None:
        """Take up the epoch of the server."""
        with self._lock:
            if epoch.number == self._known:
                return
            if self._known is not None:
                LOG.warning("the server was restored to position %d of its log", epoch.restored_to)
                self._agent.ask(catch_up, self._agent, epoch, session, self._api.leased_pairs(session))
            self._agent.post(self._agent.reports.note, "epoch", str(epoch.number))
            self._known = epoch.number


def catch_up(agent: Agent, epoch: Epoch, session: int, held: Iterable[tuple[int, int]]) -> None:
    """Report again what the server's log lost, stop what runs under leases that it does not know.

    Runs in the main loop. ``held`` are the jobs and epochs that the server believes the session to hold; leases above
    the floor are newer than the restore.
    """
    known = set(held)
    old = [lease for lease in agent.leases.of_session(session) if lease.epoch <= epoch.lease_floor]
    agent.stop([lease for lease in old if (lease.job_id, lease.epoch) not in known], cause="stale")
    agent.reports.send_again(epoch.restored_to)
    agent.reconcile()
