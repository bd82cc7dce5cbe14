"""Combine what the analyses wrote into one report: merge.py FOLDER OUT."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from analyse import combine  # type: ignore[import-not-found]  # beside this file, where a script looks first

MOST = 10


def main(folder: str, out: str) -> None:
    """Write the report, also as this job's result."""
    facts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))]
    report = combine(facts)
    report["imports"] = Counter(report["imports"]).most_common(MOST)
    report["parts"] = len(facts)
    text = json.dumps(report, indent=2)
    Path(out).write_text(text, encoding="utf-8")
    Path(os.environ["STORAX_RESULT_FILE"]).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
