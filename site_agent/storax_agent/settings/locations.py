"""The table ``[transfer_locations]`` of ``site.toml``: what each kind of location takes.

A location is a URL, or a table with the URL and what its kind needs beyond it. The scheme says which kind it is.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:]+")
USER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")

# What a new ``site.toml`` says of them.
EXAMPLE = """\
# Where the files of jobs come from and go to, by alias; `storax site check` asks each. Take away the # where needed.
#
# [transfer_locations]
# archive = "file:///data/archive"                      # a folder of this machine
#
# [transfer_locations.lab]                              # rsync over ssh; the host's key must be known
# url = "ssh://me@lab.example.org:22/data"
# identity_file = "~/.ssh/id_storax"                    # without a passphrase; unset: what ssh tries by itself
# known_hosts = "~/.ssh/known_hosts"
#
# [transfer_locations.bucket]                           # S3-compatible; needs the extra `s3`
# url = "s3://my-bucket/prefix"
# endpoint_url = "https://s3.example.org"               # unset: Amazon's
# region = "us-east-1"
# credentials_file = "~/.aws/credentials"               # profile = "..." picks one of several
#
# [transfer_locations.campus]                           # Globus; needs the extra `globus`
# url = "globus://COLLECTION-ID/path"
# local_collection = "COLLECTION-ID"                    # shows this site's data folder,
# local_path = "/"                                      # at this path
# client_id = "CLIENT-ID"
# client_secret_file = "~/.globus-secret"
"""


class FileLocation(BaseModel):
    """A folder of this machine: ``file:///path``."""

    model_config = ConfigDict(extra="forbid")

    url: str

    @field_validator("url")
    @classmethod
    def _local(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise ValueError(f"{url!r} is not the URL of a folder of this machine; write file:///path")
        return url

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(unquote(urlsplit(self.url).path))


class SshLocation(BaseModel):
    """A folder that rsync reaches over ssh: ``ssh://user@host:port/path``."""

    model_config = ConfigDict(extra="forbid")

    url: str
    identity_file: Path | None = Field(default=None, description="Private key; unset: the defaults of ssh.")
    known_hosts: Path | None = Field(default=None, description="File of host keys; unset: that of ssh.")
    timeout_sec: int = Field(default=60, ge=5, description="Seconds without data until a connection counts as lost.")

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.password is not None:
            raise ValueError("a URL holds no password; name a key by identity_file")
        if not HOST.fullmatch(parts.hostname or "") or not (parts.username is None or USER.fullmatch(parts.username)):
            raise ValueError(f"{url!r} is not ssh://user@host:port/path")
        _ = parts.port  # raises ValueError for one that is no number
        return url

    @field_validator("identity_file", "known_hosts")
    @classmethod
    def _plain(cls, path: Path | None) -> Path | None:
        path = path.expanduser() if path else None
        if path and (not path.is_absolute() or re.search(r"[\"'\\\x00-\x1f%$]", str(path))):
            raise ValueError(f"{str(path)!r} must be absolute, without quotes, backslashes, '%' and '$'")
        return path


class S3Location(BaseModel):
    """A bucket, or a part of it: ``s3://bucket/prefix``. Credentials are those of the AWS tools, or of a file."""

    model_config = ConfigDict(extra="forbid")

    url: str
    endpoint_url: str | None = Field(default=None, description="Address of the S3 server; unset: Amazon.")
    region: str | None = Field(default=None, description="Region; unset: that of the profile.")
    profile: str | None = Field(default=None, description="Profile in the credentials file.")
    credentials_file: Path | None = Field(
        default=None, description="INI file with credentials; unset: ~/.aws/credentials."
    )

    @field_validator("url")
    @classmethod
    def _bucket(cls, url: str) -> str:
        parts = urlsplit(url)
        if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not s3://bucket/prefix (credentials go into credentials_file)")
        return url


class GlobusLocation(BaseModel):
    """A folder of a Globus collection: ``globus://COLLECTION-ID/path``."""

    model_config = ConfigDict(extra="forbid")

    url: str
    local_collection: UUID = Field(description="Collection that contains this site's data folder.")
    local_path: str = Field(default="/", description="Path of the data folder in that collection.")
    client_id: UUID = Field(description="Client id at Globus, with access to both collections.")
    client_secret_file: Path = Field(description="File with the client's secret, readable only by its owner.")

    @field_validator("url")
    @classmethod
    def _collection(cls, url: str) -> str:
        UUID(urlsplit(url).netloc)
        return url


Location = FileLocation | SshLocation | S3Location | GlobusLocation
KINDS: dict[str, type[Location]] = {
    "file": FileLocation, "ssh": SshLocation, "rsync+ssh": SshLocation, "s3": S3Location, "globus": GlobusLocation,
}  # fmt: skip


def _location(value: Any) -> Any:
    if isinstance(value, Location):
        return value
    table = {"url": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or not isinstance(table.get("url"), str):
        raise ValueError('give a URL, or a table with url = "..."')  # noqa: TRY004 - pydantic tells ValueErrors
    scheme = urlsplit(table["url"]).scheme
    if scheme not in KINDS:
        known = ", ".join(f"{name}://" for name in KINDS)
        raise ValueError(f"{table['url']!r} is of no kind that is known; there are {known}")
    return KINDS[scheme].model_validate(table)


AnyLocation = Annotated[Location, BeforeValidator(_location)]
