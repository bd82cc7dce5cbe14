"""An event of the log as CloudEvents 1.0, for the list of events, their stream and webhooks alike."""

from collections.abc import Mapping
from typing import Any

NAME = "cloudevents"  # of the format, beside the log's own
SOURCE = "/api/v1/events"


def cloud_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the log, as the REST list gives it, as an event of CloudEvents 1.0 with the row as its data."""
    return {
        "specversion": "1.0",
        "id": str(event["position"]),
        "source": SOURCE,
        "type": event["type"],
        "subject": f"{event['entity']}/{event['entity_id']}",
        "time": event["timestamp"],
        "datacontenttype": "application/json",
        "data": event,
    }
