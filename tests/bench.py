"""A site with an App and a session, for tests of leases."""

from typing import Any

from world import User


class Bench:
    """One site with an App and a session."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.site = user.site()
        self.app = user.app(self.site)
        self.session = user.session(self.site)

    def job(self, *parents: int, **fields: Any) -> int:
        return int(self.user.job(self.app, parent_ids=list(parents), **fields)["id"])

    def states(self, *jobs: int) -> list[str]:
        return self.user.states(*jobs)

    def take(self, number: int = 2048, *, session: int | None = None, wait: float = 0, **ask: Any) -> list[int]:
        return [j["id"] for j in self.user.acquire(session or self.session, number, wait=wait, **ask)]

    def all(self, number: int = 2048, **ask: Any) -> list[int]:
        """Lease what Postgres has, without the hints of the queue."""
        return self.take(number, **{"max_nodes_per_job": 10**6, **ask})

    def back(self) -> None:
        """Return all leases: end the session and open a new one."""
        self.user.delete(f"/sessions/{self.session}")
        self.session = self.user.session(self.site)
