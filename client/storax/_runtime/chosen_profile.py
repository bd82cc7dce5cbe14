"""The profile that a command line names; it wins over the environment wherever no other server is named."""

_chosen: list[str | None] = [None]


def choose(profile: str | None) -> None:
    """Use this stored profile for the rest of this process; None: the server that scripts would use."""
    _chosen[0] = profile


def chosen() -> str | None:
    """Return the chosen profile; None where none was."""
    return _chosen[0]
