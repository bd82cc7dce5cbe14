"""A real MariaDB of Debian's packages, private to a test run: its own folder, a socket and no port."""

import os
import subprocess
from pathlib import Path

from needs import program, require
from waiting import eventually

PROGRAMS = ("mariadbd", "mariadb-install-db")


class RealMariaDB:
    """``socket`` is where it answers ``user``, who has no password."""

    user, database = "root", "shop"

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "s"
        self._folder, self._data = folder, folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RealMariaDB":
        """Make its data folder, and start it."""
        require("mariadb", *PROGRAMS)
        user = [f"--user={os.environ.get('USER', 'root')}"] if os.geteuid() == 0 else []
        where = ["--no-defaults", f"--datadir={self._data}", *user]
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        with (self._folder / "log").open("wb") as log:
            subprocess.run([program(PROGRAMS[1]), *where, *options], check=True, stdout=log, stderr=log)
            served = [f"--socket={self.socket}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"]
            self._process = subprocess.Popen([program(PROGRAMS[0]), *where, *served], stdout=log, stderr=log)
        eventually(self.socket.exists)
        with self.connect(None) as conn, conn.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.database}")
        return self

    def connect(self, database: str | None = database):
        """A connection of PyMySQL."""
        import pymysql

        return pymysql.connect(unix_socket=str(self.socket), user=self.user, database=database)

    def stop(self) -> None:
        """End it; nothing of it is needed again."""
        if self._process:
            self._process.kill()
            self._process.wait()
