"""Tracebacks as a notebook shows them."""

import re
from pathlib import Path

_INTERNAL = re.compile(re.escape(str(Path(__file__).parent)) + r"/|/IPython/core/")


def without_internal_frames(error: BaseException) -> list[str]:
    """Return the lines of an error's traceback without the frames inside Storax and the notebook."""
    import traceback

    kept = [frame for frame in traceback.extract_tb(error.__traceback__) if not _INTERNAL.search(frame.filename)]
    lines = [*traceback.format_list(kept), *traceback.format_exception_only(error)]
    return ["Traceback (most recent call last):", *"".join(lines).splitlines()]
