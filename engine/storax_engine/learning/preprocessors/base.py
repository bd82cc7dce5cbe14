"""What the pipeline asks of a preprocessor."""

from typing import Any, Protocol

from storax_engine.learning.tables.frame import Frame

State = dict[str, Any]


class Preprocessor(Protocol):
    """Looks at one frame of the training data, and then does the same to that frame in every call."""

    def fit(self, frame: Frame) -> State:
        """Return what the preprocessor must know of the training data, as JSON."""

    def apply(self, frame: Frame, state: State) -> None:
        """Add or replace columns."""
