"""The command of a remote run's job at a site: ``python -m storax_engine.at_site FOLDER``.

It knows the folder of its run and nothing of the platform. It ends with 0, with 65 where the manifest or its data
cannot be used, else with 1. The module's name and its argument are written into jobs, and stay as they are.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from storax import _installation as installation
from storax.errors import InvalidInput, JobFailed, StoraxError

if TYPE_CHECKING:
    from storax_engine.remote.manifest import Manifest
    from storax_engine.remote.outcome import Result

RESULT_FILE = "STORAX_RESULT_FILE"
_NOT_INSTALLED = "The engine is not installed at this site ({}). There, run: {}"
_NO_FOLDER = "This site does not see the engine's folder {}: the two must share a file system."


def main() -> int:
    """Do what the manifest in the folder says."""
    folder = Path(sys.argv[1])
    try:
        from storax_engine import learning
        from storax_engine.remote import manifest, outcome
    except ImportError as error:
        return _end(_NOT_INSTALLED.format(error, installation.add_extra("engine")), 1)
    try:
        task = manifest.read_manifest(folder)
        if task is None:
            return _end(_NO_FOLDER.format(folder), 1)
        result = outcome.read(folder, outcome.Result) or _run(folder, task)
    except (learning.LearningError, StoraxError, ImportError, MemoryError) as error:
        code, message, status = _explained(error)
        outcome.write(folder, outcome.Failure(code=code, detail=message))
        return _end(message, status)
    if path := os.environ.get(RESULT_FILE):
        from storax_engine.remote.files import write_json

        write_json(Path(path), result.return_value, durable=False)
    return 0


def _run(folder: Path, task: "Manifest") -> "Result":
    from storax_engine.remote import job_main

    return job_main.run(folder, task)


def _end(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


def _explained(error: Exception) -> tuple[str, str, int]:
    """The code and message for the script that waits, and the status to end with."""
    if isinstance(error, ImportError):
        return JobFailed.code, _NOT_INSTALLED.format(error), 1
    if isinstance(error, MemoryError):
        return JobFailed.code, "There is too little memory for it at the site.", 1
    if isinstance(error, StoraxError):
        return error.code, error.message, os.EX_DATAERR
    message = str(error)
    return InvalidInput.code, f"{message[:1].upper()}{message[1:]}.", os.EX_DATAERR


if __name__ == "__main__":
    sys.exit(main())
