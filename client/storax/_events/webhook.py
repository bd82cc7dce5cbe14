"""The methods of Webhook: rotate the secret, post events again."""

from typing import Any

from storax._orm.instance import Model
from storax._orm.query_plan import Positioned
from storax._runtime.json import dumps


class WebhookBase(Model):
    """The hand-written half of Webhook."""

    __slots__ = ()

    secret: Any

    def rotate_secret(self) -> str:
        """Make another secret and return it; it is not shown again.

        For a day deliveries are signed with the secret before too, so that receivers need not change at once.

        Raises:
            DoesNotExist: The webhook was deleted.
        """
        self._absorb_reply(self._ask("POST", "rotated", path="/rotate"))
        return str(self.secret)

    def replay(self, position: int | Positioned) -> None:
        """Have the events behind a position posted again, in order; a position ahead leaves events out.

        Args:
            position: A position of the log, 0 for all of it, or an event, which is not posted itself.

        Raises:
            DoesNotExist: The webhook was deleted.
            Restored: The log does not have this position.
        """
        number = position if isinstance(position, int) else position.position
        self._absorb_reply(self._ask("POST", "replayed", dumps({"position": number}), path="/replay"))
