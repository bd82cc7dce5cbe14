"""A fit or a score as the command of a job at a site: ``python -m storax_engine.at_site FOLDER``.

It knows the folder of its order and nothing of the platform. Run twice, it does the work once: what an earlier attempt
finished stays. It ends with 0, with 65 where the order or its data cannot be used, else with 1.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.errors import InvalidInput, JobFailed, StoraxError

RESULT_FILE = "STORAX_RESULT_FILE"
_TOLD_EVERY_SEC = 0.2
_NOT_INSTALLED = 'The engine is not installed at this site ({}). There, run: pip install "storax[engine]"'
_NO_FOLDER = "This site does not see the engine's folder {}: the two must share a file system."


def main() -> int:
    """Do what the order in the folder says."""
    folder = Path(sys.argv[1])
    try:
        from storax_engine import learning
        from storax_engine.remote import manifest
    except ImportError as error:
        sys.stderr.write(_NOT_INSTALLED.format(error) + "\n")
        return 1
    order = manifest.read_json(folder / manifest.ORDER)
    if order is None:
        sys.stderr.write(_NO_FOLDER.format(folder) + "\n")
        return 1
    try:
        result = manifest.read_json(folder / manifest.RESULT) or _done(folder, order)
    except (learning.LearningError, StoraxError, ImportError, MemoryError) as error:
        code, words, status = _told(error)
        manifest.write_json(folder / manifest.ERROR, {"code": code, "detail": words})
        sys.stderr.write(f"{words}\n")
        return status
    if os.environ.get(RESULT_FILE):
        value = {**(result.get("scores") or {}), **({"warnings": said} if (said := result.get("warnings")) else {})}
        manifest.write_json(Path(os.environ[RESULT_FILE]), value, safe=False)
    return 0


def _told(error: Exception) -> tuple[str, str, int]:
    """Code and words for the script that waits, and the status to end with."""
    if isinstance(error, ImportError):
        return JobFailed.code, _NOT_INSTALLED.format(error), 1
    if isinstance(error, MemoryError):
        return JobFailed.code, "There is too little memory for it at the site.", 1
    if isinstance(error, StoraxError):
        return error.code, error.message, os.EX_DATAERR
    words = str(error)
    return InvalidInput.code, f"{words[:1].upper()}{words[1:]}.", os.EX_DATAERR


def _done(folder: Path, order: Mapping[str, Any]) -> dict[str, Any]:
    from storax_engine import learning
    from storax_engine.remote import manifest, steps

    tell = _teller(folder)
    if order["kind"] in {steps.PREPARE, steps.BUCKET}:
        return steps.do(folder, order, tell)
    if order["kind"] == "transform":
        steps.write_features(folder, order, tell)
        manifest.write_json(folder / manifest.RESULT, {"features": steps.FEATURES})
        return {"features": steps.FEATURES}
    result: dict[str, Any] = {}
    place, tables = folder / manifest.TRAINED, Path(order.get("tables", folder))
    if order["kind"] == "score" or place.is_dir():
        trained = learning.load(place)
    else:
        if order.get("buckets"):
            trained = steps.fit(folder, order, tell)
        else:
            given = manifest.read_tables(tables, order["train"])
            trained = learning.fit(order["spec"], given, progress=tell)
        _put(trained, place)
    result["targets"] = list(trained.targets)
    if order["kind"] == "fit" and trained.warnings:
        result["warnings"] = trained.warnings
    if order.get("test"):
        found = trained.score(manifest.read_tables(tables, order["test"]))
        result["scores"] = {key: value if value == value else None for key, value in found.items()}  # noqa: PLR0124
    manifest.write_json(folder / manifest.RESULT, result)
    return result


def _put(trained: Any, place: Path) -> None:
    """Write what was learned aside and put it in place in one step; what another attempt put there stays."""
    aside = place.with_name(f".{place.name}-{uuid4().hex}")
    trained.save(aside)
    try:
        aside.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(aside)


def _teller(folder: Path) -> Callable[[float, str], None]:
    from storax_engine.remote import manifest

    told = [(0.0, "")]

    def tell(part: float, words: str) -> None:
        if time.monotonic() - told[0][0] >= _TOLD_EVERY_SEC or words != told[0][1]:
            told[0] = time.monotonic(), words
            manifest.write_json(folder / manifest.PROGRESS, [part, words], safe=False)

    return tell


if __name__ == "__main__":
    sys.exit(main())
