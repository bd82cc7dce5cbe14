"""What this site runs. The server is not asked: a site refuses what its own ``site.toml`` does not allow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# What decides which code runs: a change of any of these is another program.
DIGESTED = (
    *("name", "command_template", "use_shell", "source_code", "environment", "parameters"),
    *("hooks", "python_exe", "shell_preamble"),
)
# What decides which files move and which are deleted. An App without any has the digest of earlier releases.
DIGESTED_FILES = ("transfers", "cleanup_files")


@dataclass(frozen=True)
class Policy:
    """Rules of the site. None allows all; an empty set allows nothing."""

    allow_functions: bool = False
    allow_pickle: bool = False
    allowed_apps: frozenset[str] | None = None
    allowed_submitters: frozenset[str] | None = None
    allow_file_reads: bool = True

    @property
    def is_open(self) -> bool:
        """Whether any App of any user is allowed."""
        return self.allowed_apps is None and self.allowed_submitters is None

    def objection(self, app: Mapping[str, Any], *, submitter: str, method: str = "") -> str:
        """Return why work of this App is refused, or an empty text; ``method`` is the one to be called, if any."""
        return self.app_objection(app, submitter=submitter) or self._code_objection(app, method)

    def app_objection(self, app: Mapping[str, Any], *, submitter: str) -> str:
        """Return why nothing is done for this App here, neither code nor files; or an empty text."""
        if objection := self._submitter_objection(submitter):
            return objection
        if self.allowed_apps is not None and (digest := app_digest(app)) not in self.allowed_apps:
            return (
                f"site policy: App {app.get('name')!r} has digest {digest}, which is not in allowed_apps of this site"
            )
        return ""

    def transfer_objection(self, app: Mapping[str, Any], item: Mapping[str, Any], *, submitter: str) -> str:
        """Return why a TransferItem of this App is refused, or an empty text.

        Where the site names its Apps, an item must be one of the App's slots, which are part of its digest.
        """
        if objection := self.app_objection(app, submitter=submitter):
            return objection
        slots = (app.get("transfers") or {}).items()
        wanted = (item["direction"], item["local_path"], bool(item["recursive"]))
        if self.allowed_apps is None or wanted in [_slot(name, slot) for name, slot in slots]:
            return ""
        return (
            f"site policy: App {app.get('name')!r} has no transfer slot for {item['local_path']!r}"
            f" ({item['direction']}), and this site names its Apps (allowed_apps)"
        )

    def allocation_objection(self, submitter: str) -> str:
        """Return why this user gets no allocation here, or an empty text."""
        if self.allowed_apps is not None and not self.allowed_apps:
            return "site policy: no App may run at this site (allowed_apps), so no allocation is requested"
        return self._submitter_objection(submitter)

    def _submitter_objection(self, submitter: str) -> str:
        if self.allowed_submitters is None or submitter in self.allowed_submitters:
            return ""
        return f"site policy: {submitter or 'an unknown user'} is not in allowed_submitters of this site"

    def _code_objection(self, app: Mapping[str, Any], method: str) -> str:
        what = ", ".join(app.get("hooks") or ()) or (method if method != "run" else "")
        if self.allow_functions or (app.get("command_template") and not what):
            return ""
        what = f"hooks ({what})" if what else "no command_template"
        return (
            f"site policy: App {app.get('name')!r} has {what}, and this site runs no Python functions"
            " (allow_functions in its site.toml)"
        )


class PolicySettings(BaseModel):
    """What the site may run. The server cannot change it."""

    model_config = ConfigDict(extra="forbid")

    allow_functions: bool = Field(default=False, description="Whether Apps with a Python run() may run here.")
    allow_pickle: bool = Field(default=False, description="Whether values of functions may be pickled (cloudpickle).")
    allowed_apps: list[str] | None = Field(default=None, description="Digests of the Apps that may run; unset: all.")
    allowed_submitters: list[str] | None = Field(default=None, description="Users whose jobs may run; unset: all.")
    allow_file_reads: bool = Field(
        default=True, description="Whether files of jobs may be read through the server (storax job logs)."
    )

    def policy(self) -> Policy:
        """The rules as the agent asks them."""
        apps = None if self.allowed_apps is None else frozenset(self.allowed_apps)
        users = None if self.allowed_submitters is None else frozenset(self.allowed_submitters)
        return Policy(self.allow_functions, self.allow_pickle, apps, users, self.allow_file_reads)


def _slot(name: str, slot: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Direction, path and recursion of the items that the server makes of a slot."""
    return slot.get("direction") or "in", slot.get("local_path") or name, bool(slot.get("recursive"))


def app_digest(app: Mapping[str, Any]) -> str:
    """SHA-256 over what the App runs, moves and deletes: ``sha256:...``; `storax site check` prints it for each App."""
    definition = {name: app.get(name) for name in DIGESTED} | {n: app[n] for n in DIGESTED_FILES if app.get(n)}
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
