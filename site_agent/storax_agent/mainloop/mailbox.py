"""How other threads reach the main loop: they post calls, it runs them."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

ANSWER_SEC = 60.0


class Mailbox:
    """Calls to run in one thread. ``fileno`` becomes readable when there are some."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], Any]] = deque()
        self.fileno = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def post(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Run ``call`` in that thread."""
        self._calls.append(lambda: call(*arguments))
        os.eventfd_write(self.fileno, 1)

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``call`` in that thread, after all that was posted before, and wait for what it returns or raises."""
        answer: Future[Any] = Future()

        def reply() -> None:
            try:
                answer.set_result(call(*arguments))
            except Exception as error:
                answer.set_exception(error)
                raise

        self.post(reply)
        return answer.result(timeout=ANSWER_SEC)

    def quiet(self) -> None:
        """The calls were noticed: do not wake again for them."""
        os.eventfd_read(self.fileno)

    def run(self) -> None:
        """Run all calls, in order."""
        while self._calls:
            self._calls.popleft()()
