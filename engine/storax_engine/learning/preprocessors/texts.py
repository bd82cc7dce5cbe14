"""EmailDomain, Substring and TextFieldSplitter: categories and numbers out of text."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TEXT, Column, Frame

BETWEEN_WORDS = "[^a-z0-9]+"
SHORTEST, SHARE_OF_MAIL = 2, 0.5


@dataclass(frozen=True)
class EmailDomain:
    """The domain of text columns most of whose values are mail addresses, as the category ``<column>__domain``."""

    def fit(self, frame: Frame) -> State:
        """Return the columns that hold mail addresses."""
        return {"columns": [c.name for c in frame.of_kind(TEXT) if self._is_mail(frame.strings(c.name))]}

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
    """``length`` characters from ``begin`` (the first is 0) of categories and texts, as a category of their own."""

    begin: int
    length: int
    columns: tuple[str, ...] = ()

    def fit(self, frame: Frame) -> State:
        """Which columns: those asked for, or all categorical and text ones."""
        return {
            "columns": [c.name for c in frame.of_kind(CATEGORICAL, TEXT) if not self.columns or c.name in self.columns]
        }

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
        return {c.name: self._vocabulary(frame.strings(c.name)) for c in frame.of_kind(TEXT)}

    def apply(self, frame: Frame, state: State) -> None:
        """Add ``<column>__has_<word>``."""
        for name, vocabulary in state.items():
            texts = spaced(frame.strings(name))
            for word in vocabulary:
                has = pc.fill_null(pc.match_substring(texts, f" {word} "), False)
                values = np.asarray(has.to_numpy(zero_copy_only=False), np.float64)
                frame.add(Column(f"{name}__has_{word}", NUMERICAL, values, ("word", name, word)))

    def _vocabulary(self, values: pa.Array) -> list[str]:
        seen = Counter(w for text in values.to_pylist() if text for w in set(re.split(BETWEEN_WORDS, text.lower())))
        ranked = sorted((w for w in seen if len(w) >= SHORTEST), key=lambda w: (-seen[w], w))
        return ranked[: self.vocab_size]


def spaced(values: pa.Array) -> pa.Array:
    """Texts in small letters with one blank around each word."""
    between = pc.replace_substring_regex(pc.utf8_lower(values), BETWEEN_WORDS, " ")
    return pc.binary_join_element_wise("", between, "", " ")
