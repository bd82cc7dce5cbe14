"""Job files: answer requests for windows of jobs' files, which come through the server by long poll."""

import base64
import os
from pathlib import Path
from typing import Any

from storax._runtime.output_files import PLAIN, name_of
from storax.errors import NotFound
from storax_agent.files.safe_path import FOLDER, PathError, holds, open_folder
from storax_agent.files.windows import read_window
from storax_agent.server.site_api import SiteApi

WAIT_SEC = 30.0
OLD_SERVER_SEC = 300.0  # between looks at a server that has no such requests


class JobFiles:
    """One round: wait for a request, read, reply. Only what belongs to a job's workdir below ``data`` is read."""

    def __init__(self, api: SiteApi, site_id: int, *, data: Path) -> None:
        self._api, self._site_id, self._data = api, site_id, data

    def step(self) -> float:
        """One round."""
        try:
            requests = self._api.file_requests(self._site_id, wait=WAIT_SEC)
        except NotFound:
            return OLD_SERVER_SEC
        if requests:
            self._api.file_replies(self._site_id, [reply_to(request, self._data) for request in requests])
        return 0.0


def _own(data: Path, workdir: str, job_id: int, path: str) -> str:
    """The name of a job's own stdout or stderr in its workdir, which it may share; any other path as it is."""
    if path not in PLAIN:
        return path
    root = os.open(data, FOLDER)
    try:
        folder = open_folder(root, workdir)
    finally:
        os.close(root)
    try:
        return name_of(job_id, PLAIN.index(path), lambda name: holds(folder, name))
    finally:
        os.close(folder)


def reply_to(request: dict[str, Any], data: Path) -> dict[str, Any]:
    """Read what a request names; the reply has a window or an error."""
    path = str(request["path"])
    try:
        path = _own(data, request["workdir"], request["job_id"], path)
        window = read_window(data, request["workdir"], path, offset=request["offset"], size=request["size"])
    except (FileNotFoundError, NotADirectoryError):
        place = f"{request['workdir']}/{path}"
        return {"id": request["id"], "missing": True, "error": f"job {request['job_id']} has no file {place[:400]}"}
    except PathError as error:
        return {"id": request["id"], "error": str(error)[:500]}
    except OSError as error:
        return {"id": request["id"], "error": f"{path[:400]} cannot be read: {error.strerror}"}
    text = base64.b64encode(window.data).decode("ascii")
    return {"id": request["id"], "data": text, "offset": window.offset, "size": window.size}
