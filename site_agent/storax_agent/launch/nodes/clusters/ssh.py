"""A process on another node by ssh, for batch systems whose own way passes no stdin on."""

import shlex
from collections.abc import Sequence

OPTIONS = ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-T", "-x"]


def on_node(node: str, argv: Sequence[str]) -> list[str]:
    """ssh hands its words to a shell, so each is quoted."""
    return ["ssh", *OPTIONS, node, "exec", *map(shlex.quote, argv)]


def by_template(template: str, node: str, argv: Sequence[str]) -> list[str]:
    """The site's own command; ``{node}`` is replaced, or the name is added at its end."""
    command = shlex.split(template)
    named = [word.replace("{node}", node) for word in command]
    if named == command:
        named.append(node)
    through_shell = command[0].rpartition("/")[2] in ("ssh", "rsh")
    return [*named, *(map(shlex.quote, argv) if through_shell else argv)]
