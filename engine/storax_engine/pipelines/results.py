"""Features that a site computed, kept until they are fetched or the project is closed."""

import shutil
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from storax.errors import NoResult


class Results:
    """Files of features by token, each in a folder of its own below ``folder`` whose name begins with ``prefix``."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self._files: dict[str, Path] = {}

    def keep(self, features: Path) -> str:
        """Move a Parquet file here; returns the token by which it is fetched."""
        token = uuid4().hex
        place = self._folder / f"{self._prefix}{token}"
        place.mkdir(mode=0o700)
        shutil.move(features, place / features.name)
        self._files[token] = place / features.name
        return token

    def fetch(self, token: str) -> pa.Table:
        """Read such a file and delete it.

        Raises:
            NoResult: it was fetched, or the project was closed.
        """
        file = self._files.pop(token, None)
        if file is None:
            raise NoResult("These features are here no longer.", hint="Call transform() again.")
        try:
            return pq.read_table(file)
        finally:
            shutil.rmtree(file.parent, ignore_errors=True)
