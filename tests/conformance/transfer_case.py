"""The far ends of transfers, and one site with one location, as the conformance of transfers uses them."""

import os
from pathlib import Path

from fakes.s3 import BUCKET, S3Server
from storax_agent.settings.locations import _location
from storax_agent.transfers.base import Item, Moved, Watch, lane_of
from storax_agent.transfers.services import Locations


class FolderEnd:
    """The far end of a location that is a folder here: a local one, or that of an sshd."""

    def __init__(self, base: Path, declared, *, owner: int | None = None) -> None:
        self.base, self.declared, self._owner = base, declared, owner

    def put(self, path: str, content: bytes) -> None:
        place = self.base / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if self._owner:
            for one in (place, *place.parents):
                if one.is_relative_to(self.base):
                    os.chown(one, self._owner, self._owner)

    def get(self, path: str) -> bytes:
        return (self.base / path).read_bytes()

    def spoil(self, path: str, content: bytes) -> None:
        """Other bytes of the same length, at the same time."""
        place = self.base / path
        kept = place.stat()
        place.write_bytes(content)
        os.utime(place, ns=(kept.st_atime_ns, kept.st_mtime_ns))

    def drop(self, path: str) -> None:
        (self.base / path).unlink()

    def names(self) -> list[str]:
        return sorted(str(p.relative_to(self.base)) for p in self.base.rglob("*") if p.is_file())


class BucketEnd:
    """The far end of an S3 location."""

    def __init__(self, server: S3Server) -> None:
        self.server, self.declared, self._client = server, server.location(), server.client()

    def put(self, path: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"pre fix/{path}", Body=content)

    spoil = put

    def get(self, path: str) -> bytes:
        return self._client.get_object(Bucket=BUCKET, Key=f"pre fix/{path}")["Body"].read()

    def drop(self, path: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=f"pre fix/{path}")

    def names(self) -> list[str]:
        listed = self._client.list_objects_v2(Bucket=BUCKET, Prefix="pre fix/").get("Contents", [])
        return sorted(row["Key"].removeprefix("pre fix/") for row in listed)


class Case:
    """A site's data folder with the workdir ``job``, and one location."""

    def __init__(self, kind: str, folder: Path, end, data: Path) -> None:
        self.kind, self.folder, self.end, self.data = kind, folder, end, data
        self.workdir = data / "job"
        self.workdir.mkdir(parents=True)
        self._serial = 0

    def service(self, **changed):
        declared = {"there": _location({**self.end.declared, **changed})}
        return Locations(declared, data=self.data, scratch=self.folder / "scratch").service("there")

    def item(self, direction: str, remote: str, local: str, *, recursive: bool = False, workdir: str = "job") -> Item:
        self._serial += 1
        return Item(self._serial, direction, "there", remote, workdir, local, recursive)

    def move(self, *items: Item, watch: Watch | None = None, **changed) -> list[Moved]:
        """One call for each lane, as the loop does; answers in the order of the items."""
        service, moved, lanes = self.service(**changed), {}, {}
        for item in items:
            lanes.setdefault(lane_of(item), []).append(item)
        for mine in lanes.values():
            moved |= {one.id: one for one in service.submit(mine, watch or Watch())}
        return [moved[item.id] for item in items]

    def one(self, direction: str, remote: str, local: str, *, recursive: bool = False, **changed) -> Moved:
        return self.move(self.item(direction, remote, local, recursive=recursive), **changed)[0]

    def local(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.data)): p.read_bytes() for p in self.data.rglob("*") if p.is_file()}
