"""Hints in the words of the command line: errors come from client and server, which speak of Python and REST."""

import re
from typing import Any

_JOB = "storax job cancel ID, then storax job wait ID"
# What to say of a kind of error, by the name of its class, whatever its own hint.
_BY_KIND = {
    "Leased": f"Cancel it first: {_JOB}.",
    "StaleVersion": "Run the command again.",
    "JobFailed": "Why: storax job explain ID.",
    "MultipleObjectsReturned": "Use an id, or narrow the selection.",
}
# Phrases of Python and REST, and what they are called here; the first one of a phrase applies.
_PHRASES = (
    (re.compile(r"An operator may use force=True\."), "An operator may use --force."),
    (re.compile(r"or replace it with force=True\."), "or replace it with --force."),
    (re.compile(r"Call cancel\(\) first and wait for it to end, or use force=True\."),
     f"Cancel it first: {_JOB}; or use --force."),
    (re.compile(r"Call cancel\(\) first, then delete it\."), f"Cancel it first: {_JOB}."),
    (re.compile(r"They go on; wait again, or look at job\.history\(\)\."),
     "They continue. What happened so far: storax job history ID."),
    (re.compile(r"define one and call its sync\(\)\."), "publish one: storax app sync FILE.py"),
    (re.compile(r"Name the site: site_name=\."), "Name the site: --site NAME."),
    (re.compile(r'Give parameters=\{"name": value\}\.'), "Write name=value, or name:=3 for a number."),
    (re.compile(r'Give app="Name".*'), "Name it with --app."),
    (re.compile(r"Give a path inside the site's data folder.*"), "Name a folder below the site's data: -w runs/1."),
    (re.compile(r'(?:Restart it|Retry it first), or set on_parent_failure="run"\.'),
     "Retry it first: storax job retry ID; or use --on-parent-failure run."),
    (re.compile(r"See job\.history\(\)\."), "Why: storax job explain ID."),
    (re.compile(r"List yours with GET /api/v1/[\w-]+/ or `(storax \w+ ls)`\."), r"List yours: \1"),
    (re.compile(r"List yours with GET /api/v1/batch-jobs/\."), "List yours: storax queue ls --all"),
    (re.compile(r"List yours with GET /api/v1/([\w-]+?)s?/\."), r"List yours: storax \1 ls"),
    (re.compile(r'Write \{"key": "value"\} or "key:value"\.'), "Write KEY=VALUE."),
    (re.compile(r"Send 'Authorization: Bearer stx_\.\.\.'; get one with `storax login`\."),
     "Log in with `storax login URL`, or set STORAX_TOKEN."),
    (re.compile(r"Cancel them first: query\.cancel\(\)\."), "Cancel them first: storax job cancel"),
)  # fmt: skip


def hint_of(error: BaseException) -> str:
    """Return what to do about an error; empty where nothing is known."""
    hint = str(getattr(error, "hint", "") or "")
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_KIND and not _is_own(error):
            return _with_id(_BY_KIND[kind.__name__], error)
    return translated(hint)


def translated(hint: str) -> str:
    """Return a hint with the phrases of the command line."""
    for phrase, replacement in _PHRASES:
        if phrase.search(hint):
            return phrase.sub(replacement, hint)
    return hint


def _is_own(error: BaseException) -> bool:
    """Whether a command raised it, with a hint of its own."""
    return type(error).__module__.startswith("storax.cli.")


def _with_id(hint: str, error: BaseException) -> str:
    job: Any = getattr(error, "job", None)
    number = getattr(job, "id", None)
    return hint.replace("ID", str(number)) if number else hint
