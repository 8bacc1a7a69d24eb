"""Payloads made from a JSON schema: valid ones, and ones that are broken in one place. Test tools."""

import copy
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

ODD = [None, "", "x" * 6000, 0, -1, 2**70, 1.5, 0.25, True, [], {}, [{}], ["x"], "no time", "2026-13-01T00:00:00Z"]
TIMES = st.integers(0, 10**10).map(lambda s: datetime(1950, 1, 1, tzinfo=UTC) + timedelta(milliseconds=s * 300))
SPELLINGS = st.sampled_from([
    lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), lambda at: at.isoformat(timespec="seconds"),
    lambda at: at.replace(tzinfo=None).isoformat(timespec="microseconds"), lambda at: at.strftime("%Y-%m-%dt%H:%M:%S-03:30"),
])  # fmt: skip


def valid(schema, definitions=None):
    """A strategy for payloads that the schema allows."""
    definitions = definitions or schema.get("definitions", {})
    if "$ref" in schema:
        return valid(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            needed = schema.get("required", [])
            fields = {name: valid(inner, definitions) for name, inner in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {name: fields[name] for name in needed}, optional={name: one for name, one in fields.items() if name not in needed}
            )
        case "array":
            least = schema.get("minItems", 0)
            return st.lists(valid(schema["items"], definitions), min_size=least, max_size=min(schema.get("maxItems", 99), least + 1))
        case "string" if schema.get("format") == "date-time":
            return st.tuples(TIMES, SPELLINGS).map(lambda both: both[1](both[0]))
        case "string":
            most = schema.get("maxLength", 40)
            return st.text(max_size=min(most, 8)) | st.just("ü" * most)
        case "integer":
            return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**40))
        case "number":
            return st.integers(schema.get("minimum", -(10**7)) * 10, schema.get("maximum", 10**7) * 10).map(lambda n: n / 10)
        case "boolean":
            return st.booleans()
    return st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2)


def places(value, path=()):
    """The paths of everything inside a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


@st.composite
def broken(draw, payload):
    """A payload with one place odd, gone, or too many; what comes out may still be valid."""
    payload = copy.deepcopy(draw(payload))
    found = list(places(payload))
    how = draw(st.sampled_from(["odd", "gone", "more"])) if found else "more"
    target = payload
    path = draw(st.sampled_from(found)) if found else ()
    for key in path[:-1]:
        target = target[key]
    if how == "odd":
        target[path[-1]] = draw(st.sampled_from(ODD))
    elif how == "gone":
        del target[path[-1]]
    elif isinstance(target, dict):
        target["somethingElse"] = 1
    else:
        target.append(draw(st.sampled_from(ODD)))
    return payload


def full(schema, definitions=None):
    """The payload with every field at its largest."""
    definitions = definitions or schema.get("definitions", {})
    if "$ref" in schema:
        return full(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        return schema["enum"][-1]
    match schema.get("type"):
        case "object":
            return {name: full(inner, definitions) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [full(schema["items"], definitions)] * (schema.get("maxItems", 1) if schema.get("maxItems", 1) <= 4 else 1)
        case "string":
            return "2026-11-24T10:00:00Z" if schema.get("format") == "date-time" else "x" * schema.get("maxLength", 40)
        case "integer" | "number":
            return int(schema.get("maximum", 7))
        case "boolean":
            return True
    return "anything"


def with_one_wrong(payload):
    """The payload with each place in turn gone, of another kind, or one beyond its limit. Gives the same object, changed."""
    for path in [()] + [path for path in places(payload) if not any(isinstance(key, int) and key for key in path)]:
        holder = payload
        for key in path[:-1]:
            holder = holder[key]
        was = holder[path[-1]] if path else payload
        if isinstance(was, dict):
            was["somethingElse"] = 1
            yield payload
            del was["somethingElse"]
        if not path:
            continue
        more = (
            [was + "x"] if isinstance(was, str) else [was + was[:1], []] if isinstance(was, list) else [was + 1] if type(was) is int else []
        )
        for odd in (*more, None, 1.5, 0.25, "no time", {}):
            holder[path[-1]] = odd
            yield payload
        if isinstance(holder, dict):
            del holder[path[-1]]
            yield payload
        holder[path[-1]] = was
