"""What the agent and the runners of allocations log, in the site's folder."""

import logging
from logging.handlers import RotatingFileHandler

from storax_agent.settings.site import SiteFolder


def write_log(folder: SiteFolder, *, foreground: bool, name: str) -> None:
    """Log to the site's folder (5 files of 5 MB), with ``foreground`` to stderr as well. No token is ever logged."""
    handlers: list[logging.Handler] = [
        RotatingFileHandler(
            folder.log / name, maxBytes=5 << 20, backupCount=4, encoding="utf-8", errors="backslashreplace"
        )
    ]
    if foreground:
        handlers.append(logging.StreamHandler())
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, handlers=handlers, format=form)
    (folder.log / name).chmod(0o600)
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
