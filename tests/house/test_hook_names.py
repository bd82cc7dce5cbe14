"""The texts that name the hooks name those of ``HOOKS``, and each hook has what the server and the agent need."""

import re

from house.repository import text_of
from storax._jobs.app import AppBase
from storax_agent.prepare.functions.call_outcomes import FOLLOWS
from storax_api.web.frame.states import LOOKS
from storax_core.lifecycle.states import AUTOMATIC, HOOKS, JOB_RUNNABLE

NAMES = [*HOOKS.values()]


def test_the_docstring_of_an_app_names_each_hook():
    sentence = re.search(r"may define the hooks\s+(.*?)[,.]? and set", AppBase.__doc__, re.DOTALL)
    assert re.findall(r"``(\w+)``", sentence[1]) == NAMES


def test_the_glossary_names_each_hook():
    (row,) = re.findall(r"^\| hook \|.*$", text_of("docs/glossary.md"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == NAMES


def test_the_table_of_hooks_names_each_with_its_state():
    page = text_of("docs/how-to/functions-and-hooks.md").split("\n## Hooks\n")[1]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [(hook, state) for state, hook in HOOKS.items()]


def test_the_meaning_of_a_state_names_its_hook():
    named = {state: re.findall(r"hook (\w+)", look.meaning) for state, look in LOOKS.items()}
    assert {state: hooks for state, hooks in named.items() if hooks} == {state: [hook] for state, hook in HOOKS.items()}


def test_a_hook_is_declared_whole():
    assert {rule.state for rule in AUTOMATIC if rule.when == "hook"} == HOOKS.keys(), "a job rests where a hook waits"
    assert len(set(NAMES)) == len(NAMES), "an App has one method of a name"
    assert not HOOKS.keys() & {*JOB_RUNNABLE}, "the hook would be called in place of the job"
    assert FOLLOWS.keys() == {*NAMES}
