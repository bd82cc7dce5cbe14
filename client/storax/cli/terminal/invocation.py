"""How to call this program from the shell that the person is in."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def command_here() -> str:
    """Return ``storax``, or the path of this program if the shell would not find it by its name."""
    program = Path(sys.executable).with_name("storax")
    by_name = shutil.which("storax")
    if by_name and Path(by_name).resolve() == program.resolve():
        return "storax"
    relative = os.path.relpath(program)
    return shlex.quote(str(program) if relative.startswith("..") else relative)
