"""One other system, which measures itself and answers over the pipes of its process."""

import json
import os
import select
from typing import Any

from benchmarks.peers.home import Home, PeerError

START_SEC, ANSWER_SEC = 60.0, 90.0


class Peer:
    """A running system. ``inside/answering.py`` defines its answers."""

    def __init__(self, home: Home, name: str) -> None:
        self._home, self._name = home, name
        self._process = home.start(name)
        self._seen = b""

    def ready(self) -> None:
        """Wait until the system accepts requests.

        Raises:
            PeerError: it did not start.
        """
        self._answer(START_SEC)

    def ask(self, what: str, count: int) -> Any:
        """Return seconds for ``processes`` and ``functions``, pairs of milliseconds for ``one_...``; None if it cannot.

        Raises:
            PeerError: it failed; it is not to be asked again.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"what": what, "count": count}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise PeerError(f"it has ended ({error}); {self._last_words()}") from error
        answer = self._answer(ANSWER_SEC)
        if isinstance(answer, dict):
            raise PeerError(str(answer["error"]).splitlines()[0])
        return answer

    def _answer(self, seconds: float) -> Any:
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._seen:
            if not select.select([pipe], [], [], seconds)[0]:
                raise PeerError(f"no answer within {seconds:.0f} s; {self._last_words()}")
            piece = os.read(pipe, 1 << 16)
            if not piece:
                raise PeerError(f"it ended; {self._last_words()}")
            self._seen += piece
        line, _, self._seen = self._seen.partition(b"\n")
        return json.loads(line)

    def _last_words(self) -> str:
        lines = self._home.log(self._name).read_text(errors="replace").strip().splitlines()
        return f"its last words: {lines[-1]}" if lines else "it said nothing"
