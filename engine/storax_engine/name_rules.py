"""Names that users give to projects, data frames, pipelines and columns."""

import re

from storax.errors import InvalidInput

LONGEST = 100
_PROJECT = re.compile(r"\w[\w .-]*", re.ASCII)


def project_name(name: object) -> str:
    """A project's name, which becomes a folder.

    Raises:
        InvalidInput: it holds a separator, ``..`` or anything else that a folder of ours must not.
    """
    good = isinstance(name, str) and len(name) <= LONGEST and _PROJECT.fullmatch(name)
    if not good or ".." in str(name) or str(name)[-1] in " .":
        raise InvalidInput(
            f"{name!r} cannot be a project's name.",
            hint=f"Use up to {LONGEST} letters, digits, '_', '-', blanks and single dots; begin with no dot or dash.",
        )
    return str(name)


def free_name(name: object, what: str) -> str:
    """The name of a data frame, a pipeline or a column: any text without control characters.

    Raises:
        InvalidInput: it is empty, too long, or none.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST * (2 if what == "column" else 1):
        raise InvalidInput(f"{name!r} cannot be the name of a {what}.", hint="Give it a text that is not too long.")
    if what != "column" and name != name.strip():  # the platform takes no such name
        raise InvalidInput(f"{name!r} cannot be the name of a {what}.", hint="It begins or ends with a blank.")
    if not name.isprintable():
        raise InvalidInput(f"{name!r} cannot be the name of a {what}.", hint="It holds a control character.")
    return name
