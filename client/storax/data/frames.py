"""DataFrames: all data frames of the project that is set."""

from collections.abc import Callable, Iterator
from html import escape
from typing import Any, overload

from storax._engine import session
from storax._runtime.suggestions import nearest
from storax.data.frame import DataFrame
from storax.errors import NoDataFrame

_HEAD = ("name", "rows", "columns", "memory (MB)", "place")


class DataFrames:
    """The data frames of a project that are in memory, sorted by name; ``on_disk`` names those that are not.

    A picture of the moment at which it was made: ``storax.project.data_frames`` makes a new one each time. A part of
    it, made by ``filter()`` or a slice, stays that part: what is done to it reaches no other data frame.
    """

    def __init__(
        self, frames: list[DataFrame] | None = None, on_disk: list[str] | None = None, *, part: bool = False
    ) -> None:
        self._frames, self._on_disk = frames or [], on_disk or []
        self._part = part
        if frames is None:
            self.retrieve()

    @property
    def in_memory(self) -> list[str]:
        """Names of the data frames in memory."""
        return [frame.name for frame in self._frames]

    @property
    def on_disk(self) -> list[str]:
        """Names of the data frames that are on the disk alone."""
        return list(self._on_disk)

    def retrieve(self) -> None:
        """Look again at what is there; a part looks at its own data frames alone."""
        known = {one["name"]: one for one in session.call("list_frames")}
        names = [name for name in (*self.in_memory, *self._on_disk) if name in known] if self._part else list(known)
        self._frames = [DataFrame(name)._remember(known[name]) for name in names if known[name]["in_memory"]]
        self._on_disk = [name for name in names if not known[name]["in_memory"]]

    # ---- parts -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[DataFrame]:
        return iter(self._frames)

    def __contains__(self, name: object) -> bool:
        return name in self.in_memory

    @overload
    def __getitem__(self, key: int | str) -> DataFrame: ...
    @overload
    def __getitem__(self, key: slice) -> "DataFrames": ...
    def __getitem__(self, key: int | str | slice) -> "DataFrame | DataFrames":
        if isinstance(key, slice):
            return DataFrames(self._frames[key], part=True)
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise TypeError(f"Data frames go by position, name or slice, not by {type(key).__name__}.")
        if isinstance(key, int):
            return _at(self._frames, key)
        return self._named(key)

    def filter(self, conditional: Callable[[DataFrame], Any]) -> "DataFrames":
        """Return the frames in memory for which the function is true."""
        return DataFrames([frame for frame in self._frames if conditional(frame)], part=True)

    def sort(self, key: Callable[[DataFrame], Any], descending: bool = False) -> "DataFrames":
        """The same, in the order of the key."""
        return DataFrames(sorted(self._frames, key=key, reverse=descending), self._on_disk, part=self._part)

    # ---- all of them -----------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save all that are in memory."""
        for frame in self._frames:
            frame.save()

    save_all = save

    def load(self) -> None:
        """Bring all that are on the disk alone into memory."""
        for name in self._on_disk:
            DataFrame(name).load()
        self.retrieve()

    load_all = load

    def unload(self) -> None:
        """Free the memory of all; what was not saved is lost."""
        for frame in self._frames:
            frame.unload()
        self.retrieve()

    def delete(self) -> None:
        """Delete all that are in memory, there and on the disk; of a part also those that are on the disk alone."""
        for frame in self._frames + [DataFrame(name) for name in self._on_disk if self._part]:
            frame.delete()
        self.retrieve()

    # ---- looks -----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        lines = [list(_HEAD), *_lines(self._frames, self._on_disk)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in _HEAD)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>"
            for line in _lines(self._frames, self._on_disk)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _named(self, name: str) -> DataFrame:
        for frame in self._frames:
            if frame.name == name:
                return frame
        if name in self._on_disk:
            raise NoDataFrame(f"The data frame {name!r} is on disk and not in memory.", hint="load() brings it there.")
        hint = nearest(name, self.in_memory) or "There are none in memory."
        raise NoDataFrame(f"There is no data frame named {name!r}.", hint=hint)


def _lines(frames: list[DataFrame], on_disk: list[str]) -> list[list[str]]:
    """The cells of a table of data frames, below its head."""
    in_memory = [[f.name, f"{f.nrows():,}", str(f.ncols()), f"{f.memory_usage:.2f}", "memory"] for f in frames]
    return in_memory + [[name, "", "", "", "disk"] for name in on_disk]


def _at(frames: list[DataFrame], place: int) -> DataFrame:
    try:
        return frames[place]
    except IndexError:
        raise IndexError(f"There are {len(frames)} data frames in memory, and none at {place}.") from None
