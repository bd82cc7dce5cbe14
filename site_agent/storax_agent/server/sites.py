"""What the agent asks about its site, its owner and its token."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from storax.errors import InvalidInput
from storax_agent.server.connection import CALL_SEC, Connection, Row
from storax_agent.server.storable import storable


class SiteCalls(Connection):
    """Sites, Apps and the token."""

    def username(self) -> str:
        """The owner of the token."""
        return str(self.get("/auth/me").get("username") or "")

    def token_site(self) -> int | None:
        """The site whose token is in use; None: it speaks for the owner's whole account."""
        site_id = self.get("/auth/me").get("site_id")
        return None if site_id is None else int(site_id)

    def create_site_token(self, site_id: int, name: str) -> str | None:
        """Make a token for the agent of this site alone; None where the server is of a release without such tokens."""
        try:
            row = self.post("/tokens/", storable({"name": name, "site_id": site_id}))
        except InvalidInput:
            return None
        return str(row["token"])

    def token_expires(self) -> datetime | None:
        """When the token in use ends; None: never."""
        row = self.get(f"/tokens/{self.get('/auth/me')['token_id']}")
        return datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None

    def find_site(self, name: str) -> Row | None:
        """The owner's site of that name."""
        return next(iter(self.query("sites", {"name": name}, limit=1)), None)

    def create_site(self, fields: Mapping[str, Any]) -> Row:
        """Register a site."""
        return self.post("/sites/", storable(fields))

    def update_site(self, site_id: int, patch: Mapping[str, Any], *, within: float = CALL_SEC) -> Row:
        """Change a site."""
        return self.row(self.call("PATCH", f"/sites/{site_id}", storable(patch), deadline=within))

    def site(self, site_id: int) -> Row:
        """One site."""
        return self.get(f"/sites/{site_id}")

    def file_requests(self, site_id: int, *, wait: float) -> list[Row]:
        """Windows of jobs' files that somebody asks for, waiting up to ``wait`` seconds for the first."""
        answer, _ = self.long_poll(f"/sites/{site_id}/file-requests", {}, wait)
        return list(answer["requests"])

    def file_replies(self, site_id: int, replies: Sequence[Mapping[str, Any]]) -> None:
        """Answer such requests."""
        self.post(f"/sites/{site_id}/file-replies", {"replies": replies})

    def sites(self) -> list[Row]:
        """The owner's sites."""
        return self.query("sites", {})

    def delete_site(self, site_id: int) -> None:
        """Remove a site from the server, with its Apps."""
        self.call("DELETE", f"/sites/{site_id}", None)

    def apps_of_site(self, site_id: int) -> list[Row]:
        """The Apps of a site."""
        return self.query("apps", {"site_id": site_id})
