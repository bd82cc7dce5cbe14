"""Job files: answer requests for windows of jobs' files, which come through the server by long poll."""

import base64
from functools import partial
from pathlib import Path
from typing import Any

from storax._runtime.output_files import HOOK_LOG, PLAIN, STREAMS, hook_log_of, name_of
from storax.errors import NotFound
from storax_agent.files.safe_path import PathError
from storax_agent.files.windows import Window, holds, read_window, workdir_of
from storax_agent.loops.file_policy import FilePolicy
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.policy import Policy

WAIT_SEC = 30.0
OLD_SERVER_SEC = 300.0  # between looks at a server that has no such requests


class JobFiles:
    """One round: wait for a request, read, reply. Only what belongs to a job's workdir below ``data`` is read, and only
    where ``policy`` allows it; by default everywhere."""

    def __init__(self, api: SiteApi, site_id: int, *, data: Path, policy: FilePolicy | None = None) -> None:
        self._api, self._site_id, self._data = api, site_id, data
        self._policy = policy or FilePolicy(api, Policy(), "")

    def step(self) -> float:
        """One round."""
        try:
            requests = self._api.file_requests(self._site_id, wait=WAIT_SEC)
        except NotFound:
            return OLD_SERVER_SEC
        if requests:
            self._api.file_replies(self._site_id, [self._reply_to(request) for request in requests])
        return 0.0

    def _reply_to(self, request: dict[str, Any]) -> dict[str, Any]:
        objection = self._policy.read_objection(request["job_id"])
        return {"id": request["id"], "error": objection[:500]} if objection else reply_to(request, self._data)


def reply_to(request: dict[str, Any], data: Path) -> dict[str, Any]:
    """Read what a request names; the reply has a window or an error."""
    path = str(request["path"] or PLAIN[STREAMS.index(request["stream"])])
    try:
        with workdir_of(data, request["workdir"]) as workdir:
            path = _name_of(request, workdir)
            window = read_window(workdir, path, offset=request["offset"], size=request["size"])
    except (FileNotFoundError, NotADirectoryError):
        place = f"{request['workdir']}/{path}"
        return {"id": request["id"], "missing": True, "error": f"job {request['job_id']} has no file {place[:400]}"}
    except PathError as error:
        return {"id": request["id"], "error": str(error)[:500]}
    except OSError as error:
        return {"id": request["id"], "error": f"{path[:400]} cannot be read: {error.strerror}"}
    return _reply(request, window)


def _reply(request: dict[str, Any], window: Window) -> dict[str, Any]:
    text = base64.b64encode(window.data).decode("ascii")
    return {"id": request["id"], "data": text, "offset": window.offset, "size": window.size, "inode": window.inode}


def _name_of(request: dict[str, Any], workdir: int) -> str:
    """Return the path of the file in the open workdir that a request means, by its path or as an output."""
    job_id, has = request["job_id"], partial(holds, workdir)
    if request["path"]:
        return hook_log_of(job_id, has) if request["path"] == HOOK_LOG else str(request["path"])
    return name_of(job_id, STREAMS.index(request["stream"]), has, has_run=bool(request["attempt"]))
