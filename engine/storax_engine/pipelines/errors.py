"""Errors of feature learning, which knows no tree of errors, as those of the client."""

from collections.abc import Iterator
from contextlib import contextmanager

from storax.errors import InvalidInput
from storax_engine.command_progress import Cancelled


@contextmanager
def learning_errors() -> Iterator[None]:
    """Raise what feature learning raises in the block as an error of the client's tree.

    Raises:
        InvalidInput: the description or the data cannot be used.
        Cancelled: nobody waits any more.
    """
    from storax_engine import learning

    try:
        yield
    except learning.LearningError as error:
        raise InvalidInput(sentence(error)) from error
    except learning.Cancelled as error:
        raise Cancelled("It was cancelled; nothing was kept.") from error


def sentence(error: Exception) -> str:
    """The message of an error with a capital and a full stop."""
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}."
