"""What runs inside an allocation in tests of schedulers, in place of the agent: ``SITE BATCH_JOB_ID``.

Holds the lock that the real runner holds, notes each run, and ends with the code in ``SITE/go-ID`` or at SIGTERM.
"""

import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from storax_agent.files.locks import PidLock

site, number = Path(sys.argv[1]), sys.argv[2]
part = site / "state" / f"batch-{number}"
part.mkdir(parents=True, exist_ok=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
PidLock(part / "agent.lock").take()
with (site / f"runs-{number}").open("a") as runs:
    runs.write("run\n")
deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    with suppress(OSError, ValueError):
        sys.exit(int((site / f"go-{number}").read_text()))
    time.sleep(0.05)
