"""What the client and the agents must know of the server's rules, as a client module."""

from collections.abc import Iterable

from storax_core.lifecycle.states import HOOKS, JOB_DONE, JOB_RUNNABLE, JOB_TAKEABLE

TEXT = '''"""Rules of the server that others must know. Written by `python -m tools.codegen`; do not edit."""

from typing import Final, Literal

Hook = Literal[{hooks}]
Takeable = Literal[{takeable}]
HOOKS: Final[dict[str, Hook]] = {{{by_state}}}
"""The hook of its App that a job runs in each of these states, where the App has it."""
RUNNABLE: Final = ({runnable},)
"""States of a job that can start."""
FINAL: Final = ({final},)
"""States that end a job's life."""
'''


def render() -> str:
    """The module, not yet formatted."""
    return TEXT.format(
        hooks=_listed(HOOKS.values()),
        takeable=_listed(JOB_TAKEABLE),
        runnable=_listed(JOB_RUNNABLE),
        final=_listed(JOB_DONE),
        by_state=", ".join(f"{str(state)!r}: {hook!r}" for state, hook in HOOKS.items()),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(str(name)) for name in names)
