"""A real S3 server, moto's, as a process of its own on a loopback port."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from waiting import eventually

BUCKET = "lab-data"


class S3Server:
    """Checks credentials from the second request on, as moto does where INITIAL_NO_AUTH_ACTION_COUNT says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Nobody else gets the port before the server, which starts slowly: it may share one that is only bound.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
        self._reserved.close()

    def start(self) -> None:
        """Run it, with one bucket."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with (self.folder / "moto.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip
        eventually(lambda: self._process.poll() is not None or self._answers(), step=0.05)
        assert self._process.poll() is None, (self.folder / "moto.log").read_text()
        (self.folder / "credentials").write_text(
            "[default]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
        )
        self.client().create_bucket(Bucket=BUCKET)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/moto-api/", timeout=60).close()
        except OSError:
            return False
        return True

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        """An own way in, for the test."""
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )  # fmt: skip

    def location(self, *, url: str = "", bucket: str = BUCKET) -> dict[str, str]:
        """The table for ``site.toml``."""
        return {
            "url": f"s3://{bucket}/pre%20fix",
            "endpoint_url": url or self.url,
            "region": "us-east-1",
            "credentials_file": str(self.folder / "credentials"),
        }
