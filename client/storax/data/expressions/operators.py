"""What an expression over columns is made of: arithmetic, comparisons, functions of numbers, times and texts."""

from collections.abc import Iterable, Sequence
from typing import Any, Self


class Operators:
    """Every operation of a column; each makes an expression, and nothing is computed before it is needed."""

    __hash__ = None  # type: ignore[assignment]  # == makes an expression

    def _with(self, op: str, *others: Any, turned: bool = False, options: list[Any] | None = None) -> Self:
        raise NotImplementedError

    # ---- arithmetic ------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Self:
        return self._with("add", other)

    def __radd__(self, other: Any) -> Self:
        return self._with("add", other, turned=True)

    def __sub__(self, other: Any) -> Self:
        return self._with("subtract", other)

    def __rsub__(self, other: Any) -> Self:
        return self._with("subtract", other, turned=True)

    def __mul__(self, other: Any) -> Self:
        return self._with("multiply", other)

    def __rmul__(self, other: Any) -> Self:
        return self._with("multiply", other, turned=True)

    def __truediv__(self, other: Any) -> Self:
        return self._with("divide", other)

    def __rtruediv__(self, other: Any) -> Self:
        return self._with("divide", other, turned=True)

    def __mod__(self, other: Any) -> Self:
        return self._with("modulo", other)

    def __rmod__(self, other: Any) -> Self:
        return self._with("modulo", other, turned=True)

    def __pow__(self, other: Any) -> Self:
        return self._with("power", other)

    def __rpow__(self, other: Any) -> Self:
        return self._with("power", other, turned=True)

    def __neg__(self) -> Self:
        return self._with("negative")

    def __abs__(self) -> Self:
        return self._with("absolute")

    # ---- functions of numbers --------------------------------------------------------------------------------------

    def abs(self) -> Self:
        """Return the absolute value."""
        return self._with("absolute")

    def round(self, digits: int = 0) -> Self:
        """Rounded to so many digits behind the point."""
        return self._with("round", options=[digits])

    def ceil(self) -> Self:
        """The next whole number above."""
        return self._with("ceil")

    def floor(self) -> Self:
        """The next whole number below."""
        return self._with("floor")

    def sqrt(self) -> Self:
        """The square root."""
        return self._with("sqrt")

    def exp(self) -> Self:
        """e to its power."""
        return self._with("exp")

    def log(self) -> Self:
        """The natural logarithm."""
        return self._with("ln")

    def log10(self) -> Self:
        """The logarithm to base 10."""
        return self._with("log10")

    def sin(self) -> Self:
        """The sine, of radians."""
        return self._with("sin")

    def cos(self) -> Self:
        """The cosine, of radians."""
        return self._with("cos")

    def tan(self) -> Self:
        """The tangent, of radians."""
        return self._with("tan")

    def asin(self) -> Self:
        """The arc sine, in radians."""
        return self._with("asin")

    def acos(self) -> Self:
        """The arc cosine, in radians."""
        return self._with("acos")

    def atan(self) -> Self:
        """The arc tangent, in radians."""
        return self._with("atan")

    # ---- comparisons and conditions --------------------------------------------------------------------------------

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self.is_null() if other is None else self._with("equal", other)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return ~self.is_null() if other is None else self._with("unequal", other)

    def __lt__(self, other: Any) -> Self:
        return self._with("less", other)

    def __le__(self, other: Any) -> Self:
        return self._with("at_most", other)

    def __gt__(self, other: Any) -> Self:
        return self._with("greater", other)

    def __ge__(self, other: Any) -> Self:
        return self._with("at_least", other)

    def __and__(self, other: Any) -> Self:
        return self._with("and", other)

    def __or__(self, other: Any) -> Self:
        return self._with("or", other)

    def __xor__(self, other: Any) -> Self:
        return self._with("xor", other)

    def __invert__(self) -> Self:
        return self._with("not")

    def __bool__(self) -> bool:
        raise TypeError("A column is neither true nor false. Join conditions by &, | and ~, each in parentheses.")

    def is_null(self) -> Self:
        """Test whether the value is missing: null, or NaN."""
        return self._with("is_null")

    is_nan = is_null

    def is_inf(self) -> Self:
        """Test whether the number is infinite."""
        return self._with("is_infinite")

    def is_in(self, values: Iterable[Any]) -> Self:
        """Test whether the value is one of these."""
        return self._with("is_in", *values)

    def update(self, condition: Self, values: Any) -> Self:
        """These values where the condition holds, its own elsewhere."""
        return condition._with("choose", values, self)

    def fill_null(self, value: Any) -> Self:
        """This value where its own is missing."""
        return self._with("fill", value)

    # ---- conversions -----------------------------------------------------------------------------------------------

    def as_num(self) -> Self:
        """Convert to numbers; times become seconds since 1970. A text that is no number is an error."""
        return self._with("as_num")

    def as_str(self) -> Self:
        """Convert to texts."""
        return self._with("as_str")

    def as_bool(self) -> Self:
        """Convert to true and false."""
        return self._with("as_bool")

    def as_ts(self, time_formats: Sequence[str] | None = None) -> Self:
        """Convert to times: numbers are seconds since 1970, texts ISO 8601 or in one of the ``strptime`` formats."""
        return self._with("as_ts", options=list(time_formats or ()))

    # ---- times -----------------------------------------------------------------------------------------------------

    def year(self) -> Self:
        """The year of a time."""
        return self._with("year")

    def month(self) -> Self:
        """The month, 1 to 12."""
        return self._with("month")

    def day(self) -> Self:
        """The day of the month, 1 to 31."""
        return self._with("day")

    def hour(self) -> Self:
        """The hour, 0 to 23."""
        return self._with("hour")

    def minute(self) -> Self:
        """The minute, 0 to 59."""
        return self._with("minute")

    def second(self) -> Self:
        """The whole second, 0 to 59."""
        return self._with("second")

    def weekday(self) -> Self:
        """The day of the week, 0 (Sunday) to 6."""
        return self._with("weekday")

    def yearday(self) -> Self:
        """The day of the year, 1 to 366."""
        return self._with("yearday")

    # ---- texts -----------------------------------------------------------------------------------------------------

    def contains(self, text: Any) -> Self:
        """Test whether the text contains this one."""
        return self._with("contains", text)

    def starts_with(self, text: Any) -> Self:
        """Test whether the text begins with this one."""
        return self._with("starts_with", text)

    def ends_with(self, text: Any) -> Self:
        """Test whether the text ends with this one."""
        return self._with("ends_with", text)

    def substr(self, begin: int, length: int) -> Self:
        """``length`` characters from the one at ``begin``, which counts from 0."""
        return self._with("substring", begin, length)

    def replace(self, old: str, new: str) -> Self:
        """With every ``old`` as ``new``."""
        return self._with("replace", old, new)

    def length(self) -> Self:
        """Number of characters."""
        return self._with("length")

    def upper(self) -> Self:
        """In capitals."""
        return self._with("upper")

    def lower(self) -> Self:
        """In small letters."""
        return self._with("lower")

    def strip(self) -> Self:
        """Without outer blanks."""
        return self._with("strip")
