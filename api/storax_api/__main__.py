"""``python -m storax_api``: serve the API by uvicorn."""

import logging

import uvicorn

from storax_api.app import create_app
from storax_core.settings import Settings


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    settings = Settings()
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
