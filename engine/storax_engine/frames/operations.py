"""What a column expression may do: each operation by its name on the wire, on Ibis values."""

from collections.abc import Callable
from typing import Any

Operation = Callable[..., Any]


def _text(value: Any) -> Any:
    return value.cast("string")


def _number(value: Any) -> Any:
    if value.type().is_string():
        return value.strip().nullif("").cast("float64")
    if value.type().is_timestamp():
        return _seconds(value)
    return value.cast("float64")


def _flag(value: Any) -> Any:
    return value.cast("boolean")


def _seconds(value: Any) -> Any:
    return value.epoch_seconds().cast("float64")


def _moment(value: Any, *formats: str) -> Any:
    import ibis

    if value.type().is_timestamp():
        return value
    if not value.type().is_string():
        start = ibis.timestamp("1970-01-01 00:00:00")
        return start + (value.cast("float64") * 1_000_000).round().cast("int64").as_interval("us")
    if not formats:
        return value.strip().nullif("").cast("timestamp(6)")
    return ibis.coalesce(*(value.as_timestamp(form) for form in formats)).cast("timestamp(6)")


def _add(left: Any, right: Any) -> Any:
    for moment, other in ((left, right), (right, left)):
        if moment.type().is_timestamp() and other.type().is_numeric():
            return moment + (other.cast("float64") * 1_000_000).round().cast("int64").as_interval("us")
    if left.type().is_string() != right.type().is_string():
        left, right = _text(left), _text(right)
    return left + right


def _subtract(left: Any, right: Any) -> Any:
    if left.type().is_timestamp() and right.type().is_timestamp():
        return (left.cast("timestamp(6)").epoch_seconds() - right.cast("timestamp(6)").epoch_seconds()).cast("float64")
    if left.type().is_timestamp() and right.type().is_numeric():
        return left - (right.cast("float64") * 1_000_000).round().cast("int64").as_interval("us")
    return left - right


def _divide(left: Any, right: Any) -> Any:
    return left.cast("float64") / right.cast("float64")


def _multiply(left: Any, right: Any) -> Any:
    if left.type().is_string() or right.type().is_string():
        raise TypeError("texts are not multiplied")
    return left * right


def _infinite(value: Any) -> Any:
    return value.cast("float64").isinf()


def _missing(value: Any) -> Any:
    return value.isnull() | value.isnan() if value.type().is_floating() else value.isnull()


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return condition.ifelse(yes, no)


def _fill(value: Any, other: Any) -> Any:
    kept = value.nullif(float("nan")) if value.type().is_floating() else value
    return kept.fill_null(other)


def _method(name: str, *arguments: Any) -> Operation:
    return lambda value, *others: getattr(value, name)(*others, *arguments)


def _part(name: str) -> Operation:
    return lambda value: getattr(value, name)().cast("float64")


SCALAR: dict[str, Operation] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "modulo": lambda a, b: a % b,
    "power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "equal": lambda a, b: a == b,
    "unequal": lambda a, b: a != b,
    "less": lambda a, b: a < b,
    "at_most": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "at_least": lambda a, b: a >= b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not": lambda a: ~a,
    "absolute": _method("abs"),
    "ceil": _part("ceil"),
    "floor": _part("floor"),
    "round": lambda value, digits: value.round(digits).cast("float64"),
    **{name: _method(name) for name in ("sqrt", "exp", "ln", "log10", "log2", "sin", "cos", "tan")},
    **{name: _method(name) for name in ("asin", "acos", "atan", "sign", "upper", "lower", "strip", "reverse")},
    "is_null": _missing,
    "is_nan": _missing,
    "is_infinite": _infinite,
    "is_in": lambda value, *choices: value.isin(list(choices)),
    "as_num": _number,
    "as_str": _text,
    "as_bool": _flag,
    "as_ts": _moment,
    "seconds": _seconds,
    **{name: _part(name) for name in ("year", "month", "day", "hour", "minute", "second")},
    "weekday": lambda value: ((value.day_of_week.index() + 1) % 7).cast("float64"),  # 0 is Sunday
    "yearday": _part("day_of_year"),
    "contains": _method("contains"),
    "starts_with": _method("startswith"),
    "ends_with": _method("endswith"),
    "length": _part("length"),
    "substring": _method("substr"),
    "replace": _method("replace"),
    "choose": _choose,
    "fill": _fill,
}
AGGREGATIONS: dict[str, Operation] = {
    "avg": _method("mean"),
    "sum": _method("sum"),
    "min": _method("min"),
    "max": _method("max"),
    "median": _method("median"),
    "stddev": lambda value: value.cast("float64").std(how="sample"),
    "var": lambda value: value.cast("float64").var(how="sample"),
    "count": _method("count"),
    "count_distinct": _method("nunique"),
    "mode": _method("mode"),
    "first": _method("first"),
    "last": _method("last"),
}
