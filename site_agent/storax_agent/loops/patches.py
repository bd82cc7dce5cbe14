"""Patches: send what the agent knows of rows. What the server refuses for good is told in short, or set aside."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from storax.errors import Conflict, InvalidInput, NotFound
from storax_agent.files.set_aside import SetAside

LOG = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass(frozen=True)
class Patches:
    """Sends patches of one kind of row.

    ``noun`` names the rows and ``source`` what spoke of them. A shortened patch keeps the fields ``kept``, and has the
    reason in ``info``.
    """

    update: Callable[[Sequence[Row]], None]
    set_aside: SetAside
    noun: str
    source: str
    info: str
    kept: tuple[str, ...]

    def send(self, patches: Sequence[Row]) -> set[int]:
        """Send patches, one by one where together they are refused. Returns the ids of those that were set aside."""
        try:
            self.update(patches)
        except (Conflict, InvalidInput, NotFound):
            # One of them was changed or deleted meanwhile; the others still count.
            return {patch["id"] for patch in patches if not self._send_one(patch)}
        return set()

    def _send_one(self, patch: Row) -> bool:
        try:
            self.update([patch])
        except InvalidInput as error:
            return self._send_short(patch, error)
        except (Conflict, NotFound) as error:
            LOG.warning("%s %d: %s", self.noun, patch["id"], error)
        return True

    def _send_short(self, patch: Row, refusal: InvalidInput) -> bool:
        """Send the state alone, and why there is no more; returns whether the server took it."""
        LOG.warning("%s %d: %s", self.noun, patch["id"], refusal)
        reason = f"the server refused what the {self.source} said of it: {refusal.message}"[:1000]
        short = {name: patch[name] for name in self.kept if name in patch}
        try:
            self.update([{**short, self.info: {"error": reason}}])
        except (Conflict, InvalidInput, NotFound) as error:
            self.set_aside.put(f"{self.noun} {patch['id']}", str(error), json.dumps(patch, default=str))
            return False
        return True
