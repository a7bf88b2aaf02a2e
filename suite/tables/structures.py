"""Columns of lists and structures, such as the boxes of a picture: read alike from every form of data.

A column declares its shape as a type; pydantic says what does not fit it, and where inside the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from suite.errors import SuiteError
from suite.tables.arrow import is_missing
from suite.tables.columns import Column, Finding

_AT_ONCE = 1000
"""Values that are Python objects at a time: these take some ten times the room that Arrow needs."""
_SUBJECT = re.compile(r"^(Input|Tuple|List|String|Value) (?=should)")
"""What pydantic's messages begin with."""
_LEAVES = {"number": pa.float64(), "integer": pa.int64(), "string": pa.string(), "boolean": pa.bool_()}


@lru_cache
def arrow_type(shape: Any) -> pa.DataType:
    """The Arrow type of values of this shape. Raises `TypeError` for a part that no column can hold."""
    schema = _adapter(shape).json_schema()
    return _type(schema, schema.get("$defs", {}))


def structured(ours: Column, array: pa.ChunkedArray, feature: Any = None) -> tuple[pa.ChunkedArray, list[Finding]]:
    """A column's values in its shape, and a finding for each that does not have it, which becomes a missing value.

    Text is read as JSON. `feature` names the classes that numbers inside stand for, where a data set has them.
    """
    kind, findings, parts = arrow_type(ours.shape), list[Finding](), list[pa.Array]()
    missing = is_missing(array)
    for start in range(0, len(array), _AT_ONCE):
        made: list[Any] = []
        for row, value in enumerate(array.slice(start, _AT_ONCE).to_pylist(), start=start):
            try:
                made.append(None if missing[row] else _settled(ours, value, feature))
            except ValueError as error:
                made.append(None)
                findings.append(Finding("error", str(error), row))
        parts.append(pa.array(made, kind))
    return pa.chunked_array(parts, kind), findings


def structure(ours: Column, value: Any) -> Any:
    """One value in the column's shape, as lists and dicts; text is read as JSON. Raises `SuiteError`."""
    try:
        return _settled(ours, value, None)
    except ValueError as error:
        raise SuiteError(f"{error}; give {example(ours)}.") from None


def example(ours: Column) -> str:
    """What a value of the column looks like, such as `[{"box": [number, number], "label": text}]`."""
    schema = _adapter(ours.shape).json_schema()
    return _example(schema, schema.get("$defs", {}))


def maps_as_pairs(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of Arrow's maps, which a data set cannot hold, as lists of structures of `key` and `value`."""
    pair = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
    chunks = [
        pa.array([m and [{"key": k, "value": v} for k, v in m] for m in chunk.to_pylist()], pa.list_(pair))
        for chunk in array.chunks
    ]
    return pa.chunked_array(chunks, pa.list_(pair))


@lru_cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _settled(ours: Column, value: Any, feature: Any) -> Any:
    """Raises `ValueError` with a message that begins with where in the value it does not fit."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=_not_finite)
        except ValueError as error:
            raise ValueError(f"{ours.name} is {shortened(value)}, not JSON ({error})") from None
    try:
        return _fitted(ours, _rowwise(ours, value))
    except ValueError:
        named = _named(value, feature)
        if named == value:
            raise
        return _fitted(ours, _rowwise(ours, named))


def _fitted(ours: Column, value: Any) -> Any:
    adapter = _adapter(ours.shape)
    try:
        text = json.dumps(_without_nulls(value), allow_nan=False)
    except ValueError:
        raise ValueError(f"{ours.name} holds NaN or infinity, not numbers") from None
    except TypeError as error:  # bytes, dates
        raise ValueError(f"{ours.name} holds what JSON cannot ({error})") from None
    try:
        return adapter.dump_python(adapter.validate_json(text, strict=True), mode="json")
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ours.name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong["loc"])
        if wrong["type"] == "missing":
            raise ValueError(f"{place} is missing") from None
        said = _SUBJECT.sub("", wrong["msg"]).replace(" after validation", "")
        raise ValueError(f"{place} is {shortened(wrong['input'])}, which {said}") from None


def _rowwise(ours: Column, value: Any) -> Any:
    """A structure of lists as a list of structures, where that is wanted: `datasets` writes lists of structures so."""
    if not pa.types.is_list(kind := arrow_type(ours.shape)) or not pa.types.is_struct(kind.value_type):
        return value
    if not isinstance(value, Mapping) or not all(isinstance(part, list | None) for part in value.values()):
        return value
    lists = {name: part for name, part in value.items() if part is not None}
    if len({len(part) for part in lists.values()}) > 1:
        sizes = ", ".join(f"{len(part)} of {name}" for name, part in lists.items())
        raise ValueError(f"{ours.name} holds lists of several lengths ({sizes})")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _without_nulls(value: Any) -> Any:
    """Without fields that hold nothing: Arrow does not tell these from fields that are not there."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list | tuple) else value


def _named(value: Any, feature: Any) -> Any:
    """The value with classes by their names, for columns whose shape wants text."""
    if names := getattr(feature, "names", None):
        return names[value] if isinstance(value, int) and 0 <= value < len(names) else value
    if isinstance(feature, Mapping) and isinstance(value, Mapping):
        return {name: _named(part, feature.get(name)) for name, part in value.items()}
    inner = getattr(feature, "feature", None)  # of the several kinds of lists
    return [_named(part, inner) for part in value] if inner is not None and isinstance(value, list) else value


def _type(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> pa.DataType:
    schema = _resolved(schema, defined)
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        kinds = {_type(item, defined) for item in items}
        if len(kinds) == 1:
            return pa.list_(kinds.pop())
    if schema.get("type") == "object" and schema.get("properties"):
        return pa.struct([(name, _type(part, defined)) for name, part in schema["properties"].items()])
    if schema.get("type") in _LEAVES:
        return _LEAVES[schema["type"]]
    raise TypeError(f"no column can hold {json.dumps(schema)}: use lists, tuples of one type, dataclasses, and values")


def _example(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    schema = _resolved(schema, defined)
    if schema["type"] == "array":
        return "[" + ", ".join(_example(item, defined) for item in schema.get("prefixItems") or [schema["items"]]) + "]"
    if schema["type"] == "object":
        return "{" + ", ".join(f'"{name}": {_example(p, defined)}' for name, p in schema["properties"].items()) + "}"
    return {"string": "text", "boolean": "true or false"}.get(schema["type"], schema["type"])


def _resolved(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind a reference, and of what may be null the schema of what is there."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    schema = options[0] if len(options) == 1 else schema
    return defined[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _not_finite(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def shortened(value: Any) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
