"""What is posted: an event as JSON, of CloudEvents 1.0 or as the log has it, with the headers of Standard Webhooks.

The id of a message is made of the webhook and the event's position, so that a receiver recognizes a repetition.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from storax_core.log import cloud_events

CLOUD_EVENT = "application/cloudevents+json; charset=utf-8"
PLAIN = "application/json; charset=utf-8"
AGENT = "storax-webhooks/1"


@dataclass(frozen=True)
class Message:
    """One event for one webhook; the secrets sign it, the newest first."""

    id: str
    body: bytes
    content_type: str
    secrets: tuple[bytes, ...] = field(repr=False)

    def headers(self, timestamp: int) -> dict[str, str]:
        """Return the headers of an attempt at this time, in seconds since 1970."""
        signed = b"%s.%d.%s" % (self.id.encode(), timestamp, self.body)
        return {
            "content-type": self.content_type,
            "user-agent": AGENT,
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{_mac(secret, signed)}" for secret in self.secrets),
        }


def message_of(webhook_id: int, event: Mapping[str, Any], secrets: Iterable[bytes], *, form: str) -> Message:
    """Return the message of an event, a row of the log as the REST list gives it, in the format of its webhook."""
    is_cloud_event = form == cloud_events.NAME
    body = orjson.dumps(cloud_events.cloud_event(event) if is_cloud_event else event)
    kind = CLOUD_EVENT if is_cloud_event else PLAIN
    return Message(f"msg_{webhook_id}_{event['position']}", body, kind, tuple(secrets))


def _mac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
