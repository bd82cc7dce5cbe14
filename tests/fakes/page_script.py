"""Run a page's script, and compare what it prints with its comments: python -m fakes.page_script SCRIPT.

``print(x)  # => text`` claims that this line prints ``text`` each time; ``...`` in it stands for anything, and ``\\n`` for a
new line. A claim that is false ends the script. So does a claim that was never tried.
"""

import builtins
import doctest
import re
import runpy
import sys
from pathlib import Path
from typing import Any

CLAIM = re.compile(r"^\s*print\(.*\)  # => (.*)$")
_RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def claims_of(text: str) -> dict[int, str]:
    """The claims of a script by line number."""
    lines = enumerate(text.splitlines(), start=1)
    return {number: match[1].replace("\\n", "\n") for number, line in lines if (match := CLAIM.match(line))}


def run(script: Path) -> None:
    """Run the script.

    Raises:
        AssertionError: a line prints something else than its comment says, or was not run.
    """
    claims = claims_of(script.read_text(encoding="utf-8"))
    untried = set(claims)
    checker, original = doctest.OutputChecker(), builtins.print

    def compare(*values: Any, **options: Any) -> None:
        original(*values, **options)
        caller = sys._getframe(1)
        if caller.f_code.co_filename != str(script) or caller.f_lineno not in claims:
            return
        untried.discard(caller.f_lineno)
        claim, text = claims[caller.f_lineno], " ".join(map(str, values))
        if not checker.check_output(claim + "\n", text + "\n", _RULES):
            raise AssertionError(f"The page says {claim!r}, the script printed {text!r}.")

    # A library that registers functions by their names, as numba does, finds this one where it finds the original.
    compare.__module__, compare.__name__ = original.__module__, original.__name__
    builtins.print = compare
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        builtins.print = original
    if untried:
        raise AssertionError(f"These claims were not tried: {sorted(claims[number] for number in untried)}")


if __name__ == "__main__":
    run(Path(sys.argv[1]))
