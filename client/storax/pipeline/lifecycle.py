"""Pipelines by name: which there are, and handles to them."""

from storax._engine import session
from storax.errors import NotFound
from storax.pipeline.handle import Pipeline


def load(name: str) -> Pipeline:
    """A handle to the newest fit of that name, or to the fit of that id.

    Raises:
        NotFound: there is none.
    """
    return Pipeline._of(session.call("describe_pipeline", {"pipeline": str(name)}))


def exists(name: str) -> bool:
    """Return whether there is a fit of that name or id."""
    try:
        load(name)
    except NotFound:
        return False
    return True


def list_pipelines() -> list[str]:
    """Ids of all fits of the project, oldest first."""
    return [str(row["id"]) for row in session.call("list_pipelines")]


def delete(name: str) -> None:
    """Delete the newest fit of that name, or the fit of that id."""
    load(name).delete()
