"""``python -m storax_api``: serve the API by uvicorn."""

import gc
import logging

import uvicorn

from storax_api.app import create_app
from storax_core.settings import Settings


def calm_collector() -> None:
    """Have Python's collector look less often.

    A call of 10,000 rows makes as many objects and no cycles: it would walk through them for nothing.
    """
    gc.set_threshold(50_000, 20, 50)


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    settings = Settings()
    calm_collector()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=65,
        server_header=False,
    )


if __name__ == "__main__":
    main()
