"""EmailDomain, Substring and TextFieldSplitter: categories and numbers out of text."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.tables.columns import Ints
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TEXT, Column, Frame
from storax_engine.learning.tables.subroles import EMAIL, SUBSTRING, TEXT_FIELD_SPLITTER, ask_for

BETWEEN_WORDS = "[^a-z0-9]+"
SHORTEST, SHARE_OF_MAIL = 2, 0.5
_AT_ONCE = 10_000  # texts


@dataclass(frozen=True)
class EmailDomain:
    """The domain of text columns most of whose values are mail addresses, as the category ``<column>__domain``.

    ``marked``: only that of the columns whose subroles ask for it, whatever they hold.
    """

    marked: bool = False

    def fit(self, frame: Frame) -> State:
        """Return the columns that hold mail addresses, or the marked ones."""
        return {"columns": [c.name for c in frame.of_kind(TEXT, use=EMAIL) if self._takes(c, frame)]}

    def _takes(self, column: Column, frame: Frame) -> bool:
        return ask_for(column.subroles, EMAIL) if self.marked else self._is_mail(frame.strings(column.name))

    def apply(self, frame: Frame, state: State) -> None:
        """Add the domains in small letters; null if the text is no address."""
        for name in state["columns"]:
            frame.add(Column(f"{name}__domain", CATEGORICAL, self._domains(frame.strings(name)), ("domain", name)))

    def _is_mail(self, values: pa.Array) -> bool:
        known = len(values) - values.null_count
        domains = self._domains(values)
        return bool(known > 0 and len(domains) - domains.null_count >= SHARE_OF_MAIL * known)

    def _domains(self, values: pa.Array) -> pa.Array:
        match = pc.extract_regex(pc.utf8_lower(values), r"@(?P<domain>[^@\s]+)$")
        return pc.struct_field(match, "domain")


@dataclass(frozen=True)
class Substring:
    """``length`` characters from ``begin`` (the first is 0) of categories and texts, as a category of their own.

    ``marked``: without ``columns``, only of those whose subroles ask for it.
    """

    begin: int
    length: int
    columns: tuple[str, ...] = ()
    marked: bool = False

    def __post_init__(self) -> None:
        for name, least in (("begin", 0), ("length", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise BadPlan(f"preprocessor Substring: {name} is {value!r}: a whole number, {least} or more")

    def fit(self, frame: Frame) -> State:
        """Which columns: those asked for, or all categorical and text ones."""
        return {"columns": [c.name for c in frame.of_kind(CATEGORICAL, TEXT, use=SUBSTRING) if self._takes(c)]}

    def _takes(self, column: Column) -> bool:
        if self.columns:
            return column.name in self.columns
        return not self.marked or ask_for(column.subroles, SUBSTRING)

    def apply(self, frame: Frame, state: State) -> None:
        """Add ``<column>__<begin>_<end>``; null where the text ends before."""
        end = self.begin + self.length
        for name in state["columns"]:
            part = pc.utf8_slice_codeunits(frame.strings(name), self.begin, end)
            values = pc.if_else(pc.equal(pc.utf8_length(part), 0), None, part)
            of = ("substring", name, str(self.begin), str(self.length))
            frame.add(Column(f"{name}__{self.begin}_{end}", CATEGORICAL, values, of))


@dataclass(frozen=True)
class TextFieldSplitter:
    """A number for each frequent word of each text column: 1 where the text has it, else 0. Words are a-z and 0-9."""

    vocab_size: int = 100

    def fit(self, frame: Frame) -> State:
        """The words found in most texts; ties in order of the alphabet."""
        return {c.name: self._vocabulary(frame.strings(c.name)) for c in frame.of_kind(TEXT, use=TEXT_FIELD_SPLITTER)}

    def apply(self, frame: Frame, state: State) -> None:
        """Add ``<column>__has_<word>``."""
        for name, vocabulary in state.items():
            has = np.zeros((len(vocabulary), frame.rows))
            known = pa.array(vocabulary, pa.string())
            for begin, part in _portions(frame.strings(name)):
                texts, tokens = _tokens(part)
                places = np.asarray(pc.fill_null(pc.index_in(tokens, value_set=known), -1), np.int64)
                has[places[places >= 0], begin + texts[places >= 0]] = 1.0
            for word, values in zip(vocabulary, has, strict=True):
                frame.add(Column(f"{name}__has_{word}", NUMERICAL, values, ("word", name, word)))

    def _vocabulary(self, values: pa.Array) -> list[str]:
        seen: Counter[str] = Counter()
        for _, part in _portions(values):
            texts, tokens = _tokens(part)
            encoded = tokens.dictionary_encode()
            size = max(len(encoded.dictionary), 1)
            once = pc.unique(pa.array(texts * size + np.asarray(encoded.indices, np.int64)))  # in each text
            counts = np.bincount(once.to_numpy() % size, minlength=size)
            seen.update(dict(zip(encoded.dictionary.to_pylist(), counts.tolist(), strict=False)))
        ranked = sorted((w for w in seen if len(w) >= SHORTEST), key=lambda w: (-seen[w], w))
        return ranked[: self.vocab_size]


def _portions(values: pa.Array) -> Iterator[tuple[int, pa.Array]]:
    """Yield parts of the texts with the number of their first row: of all of them, the words would need much memory."""
    for begin in range(0, len(values), _AT_ONCE):
        yield begin, values.slice(begin, _AT_ONCE)


def _tokens(values: pa.Array) -> tuple[Ints, pa.Array]:
    """All words in small letters, and for each the number of its text."""
    between = pc.replace_substring_regex(pc.utf8_lower(values), BETWEEN_WORDS, " ")
    lists = pc.split_pattern(between, " ")
    return np.asarray(pc.list_parent_indices(lists), np.int64), pc.list_flatten(lists)
