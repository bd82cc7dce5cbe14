"""How the result of an order becomes part of the project."""

from typing import Any

from storax_engine import order_files
from storax_engine.orders import Order
from storax_engine.pipelines import Pipelines

Row = dict[str, Any]


def taken_in(pipelines: Pipelines, order: Order, result: Row) -> Row:
    """Make the result of a finished job part of the project; for the same job twice, it is so once."""
    ticket = order.ticket
    if ticket["kind"] == "transform":
        return {"result": pipelines.lay_aside(order.folder / result["features"])}
    if ticket["kind"] == "score":
        return pipelines.scored(ticket["pipeline"], result["scores"], ticket["set_used"], order.job_id)
    learned = order.folder / order_files.TRAINED
    return pipelines.adopt(
        ticket["name"], ticket["spec"], result["targets"], ticket["frames"], ticket["tags"], learned, order.job_id
    )
