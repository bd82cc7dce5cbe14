"""``python -m storax_api``: serve the API by uvicorn."""

import contextlib
import gc
import socket
import sys

import uvicorn

from storax_api.app import create_app
from storax_api.bounds import connection
from storax_api.waits import Waits
from storax_core import process_log
from storax_core.settings import Settings

STARTUP_FAILURE = 3  # uvicorn's own exit status for it


def calm_collector() -> None:
    """Have Python's collector look less often.

    A call of 10,000 rows makes as many objects and no cycles: it would walk through them for nothing.
    """
    gc.set_threshold(50_000, 20, 50)


class Server(uvicorn.Server):
    """A server that wakes its sleeping requests when it stops, so that none has to be broken off."""

    def __init__(self, config: uvicorn.Config, waits: Waits) -> None:
        super().__init__(config)
        self._waits = waits

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what sleeps, then stop."""
        self._waits.stop()
        await super().shutdown(sockets)


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    settings = Settings()
    calm_collector()
    process_log.start(settings.log_level, settings.log_format)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        **connection.settings(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = Server(config, app.state.waits)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
