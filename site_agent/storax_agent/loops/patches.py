"""Patches: send what the agent knows of rows. What the server refuses for good is told in short, or set aside."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from storax.errors import Conflict, InvalidInput, NotFound
from storax_agent.files.set_aside import SetAside

LOG = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass
class Patches:
    """Sends patches of one kind of row.

    ``noun`` names the rows and ``source`` what spoke of them. A shortened patch keeps the fields ``kept``, and has the
    reason in ``info``. ``refused`` holds the patches that were set aside, by id: also those of an agent before this
    one, so that a restart does not send them again.
    """

    update: Callable[[Sequence[Row]], None]
    set_aside: SetAside
    noun: str
    source: str
    info: str
    kept: tuple[str, ...]
    refused: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.refused = self.set_aside.records(self.noun)

    def send(self, patches: Sequence[Row]) -> None:
        """Send patches, one by one where together they are refused; one that is set aside is not sent again."""
        fresh = [patch for patch in patches if self.refused.get(patch["id"]) != _text(patch)]
        if not fresh:
            return
        try:
            self.update(fresh)
        except (Conflict, InvalidInput, NotFound):
            # One of them was changed or deleted meanwhile; the others still count.
            for patch in fresh:
                self._send_one(patch)

    def _send_one(self, patch: Row) -> None:
        try:
            self.update([patch])
        except InvalidInput as error:
            self._send_short(patch, error)
        except (Conflict, NotFound) as error:
            LOG.warning("%s %d: %s", self.noun, patch["id"], error)

    def _send_short(self, patch: Row, refusal: InvalidInput) -> None:
        """Send the state alone, and why there is no more; set it aside where that is refused as well."""
        LOG.warning("%s %d: %s", self.noun, patch["id"], refusal)
        reason = f"the server refused what the {self.source} said of it: {refusal.message}"[:1000]
        short = {name: patch[name] for name in self.kept if name in patch}
        try:
            self.update([{**short, self.info: {"error": reason}}])
        except (Conflict, InvalidInput, NotFound) as error:
            self.refused[patch["id"]] = _text(patch)
            self.set_aside.put(f"{self.noun} {patch['id']}", str(error), _text(patch))


def _text(patch: Row) -> str:
    return json.dumps(patch, default=str)
