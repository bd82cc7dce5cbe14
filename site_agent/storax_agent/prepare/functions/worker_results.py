"""What a call gives back as plain JSON; beside ``worker.py``, by the standard library alone.

A return value that cannot be stored is kept as a file of the workdir, so that the work is not lost.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax_agent.prepare.functions.json_values import MAX_BYTES, Unstorable, key_changes, plain, shown
    from storax_agent.prepare.functions.worker_declarations import CHANGEABLE, MAPS
    from storax_agent.prepare.functions.worker_messages import UNSTORABLE, Raised, Returned
else:
    from json_values import MAX_BYTES, Unstorable, key_changes, plain, shown
    from worker_declarations import CHANGEABLE, MAPS
    from worker_messages import UNSTORABLE, Raised, Returned

PICKLED = "__cloudpickle__"
KEEP = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


def storable(value: Any, job_id: int, folder: int, *, pickles: bool) -> Returned | Raised:
    """Return the outcome of ``run``: its value as plain JSON, or why it cannot be stored and where it is kept."""
    try:
        form = plain(value)
    except Unstorable as error:
        reason = f"its return value cannot be stored: {error}"
        form = _pickled(value) if pickles else None
    except BaseException as error:  # an object's own methods may raise anything
        reason, form = f"its return value ({type(value).__name__}) cannot be stored: {shown(error, 200)}", None
    else:
        reason = ""
    if form is None and reason:
        return Raised(UNSTORABLE, f"{reason}; {kept(value, job_id, folder)}")
    text = json.dumps(form).encode()
    if len(text) > MAX_BYTES:
        return Raised(UNSTORABLE, f"its result is larger than 1 MiB; {kept(value, job_id, folder, text)}")
    return Returned(form)


def _pickled(value: Any) -> dict[str, str] | None:
    try:
        import cloudpickle

        return {PICKLED: base64.b64encode(cloudpickle.dumps(value)).decode()}
    except BaseException:
        return None


def kept(value: Any, job_id: int, folder: int, text: bytes | None = None) -> str:
    """Keep a value in the open workdir, as JSON text, pickled, or as its repr; return the sentence that says where."""
    name, content = f"result-{job_id}.json", text
    if content is None:
        try:
            name, content = f"result-{job_id}.pickle", pickle.dumps(value)
        except BaseException:
            text_of_it = shown(value, sys.maxsize)
            name, content = f"result-{job_id}.txt", text_of_it.encode(errors="backslashreplace")
    try:
        with os.fdopen(os.open(name, KEEP, 0o644, dir_fd=folder), "wb") as file:
            file.write(content)
    except OSError as error:
        return f"nor could it be kept in {name} of its workdir: {error}"
    return f"it is kept in {name} of its workdir"


def copied(job: dict[str, Any]) -> dict[str, Any]:
    """Return a deep copy of what a hook may change."""
    copy: dict[str, Any] = json.loads(json.dumps({name: job.get(name) for name in CHANGEABLE}))
    return copy


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a hook changed, as plain JSON. Raises Unstorable."""
    patch: dict[str, Any] = {}
    for name in CHANGEABLE:
        try:
            old, new = before[name], plain(after.get(name))
        except Unstorable as error:
            raise Unstorable(error.subject, f"{name}{error.where}", error.predicate, error.hint) from None
        if name in MAPS and type(old) is dict and type(new) is dict:
            merge, remove = key_changes(old, new)
            patch.update({f"{name}__merge": merge} if merge else {}, **({f"{name}__remove": remove} if remove else {}))
        elif json.dumps(old) != json.dumps(new):
            patch[name] = new
    return patch
