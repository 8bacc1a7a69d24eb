"""`make messages`: the Structs of every OCPP message, written from the schemas that the `ocpp` package carries.

A test writes them again and compares, so that the files never drift from the package.
"""

import json
import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

PACKAGES = {"16": "v16", "201": "v201"}
ROOT = Path(__file__).parent.parent / "ocpp_server"
HEAD = '''"""OCPP {version}: every message as a strict Struct, decoded and validated in one step.

Written by `make messages` from the schemas of the `ocpp` package (Open Charge Alliance); do not edit.
A date-time is checked, but its zone may be missing: such a time is UTC. Beyond the schemas nothing is allowed.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ocpp_server.structs import Message, Open, whole_tenths
'''

Schema = dict[str, Any]


class Writer:
    """Collects definitions in the order in which they can stand in a file; equal ones stand once."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._names: dict[str, str] = {}  # name -> content
        self._known: dict[str, str] = {}  # content -> name

    def message(self, title: str, schema: Schema) -> None:
        """A request or response and what it is made of."""
        self._names[title] = title
        self._struct(title, schema, schema.get("definitions", {}))

    def _name(self, wanted: str, parent: str, content: str) -> tuple[str, bool]:
        """The name of a definition, and whether it is new."""
        if content in self._known:
            return self._known[content], False
        for name in (wanted, parent + wanted):
            if name not in self._names:
                self._names[name] = content
                self._known[content] = name
                return name, True
        raise ValueError(f"two definitions want the name {parent}{wanted}")

    def _struct(self, name: str, schema: Schema, definitions: Schema) -> None:
        required = set(schema.get("required", ()))
        lines, checks = [], []
        for field, inner in schema.get("properties", {}).items():
            kind = self._type(name, _capital(field), inner, definitions)
            lines.append(_field(field, kind, field in required))
            if "multipleOf" in inner:
                checks.append(f"        whole_tenths(self.{_snake(field)})")
        base = "Message" if schema.get("additionalProperties") is False else "Open"
        body = lines or ["    pass"]
        if checks:
            body += ["", "    def __post_init__(self) -> None:", *checks]
        self.text.append("\n".join([f"class {name}({base}, frozen=True, kw_only=True):", *body]))

    def _type(self, parent: str, wanted: str, schema: Schema, definitions: Schema) -> str:
        if "$ref" in schema:
            key = schema["$ref"].rsplit("/", 1)[1]
            return self._type(parent, key.removesuffix("Type"), definitions[key], definitions)
        if "enum" in schema:
            return self._enum(parent, wanted, schema["enum"])
        match schema.get("type"):
            case "object":
                content = json.dumps(_resolved(schema, definitions), sort_keys=True)
                name, fresh = self._name(wanted, parent, content)
                if fresh:
                    self._struct(name, schema, definitions)
                return name
            case "array":
                item = self._type(parent, wanted, schema["items"], definitions)
                return _limited(f"list[{item}]", schema, minItems="min_length", maxItems="max_length")
            case "string" if schema.get("format") == "date-time":
                return "datetime"
            case "string":
                return _limited("str", schema, minLength="min_length", maxLength="max_length")
            case "integer" | "number" as number:
                plain = "int" if number == "integer" else "float"
                return _limited(plain, schema, minimum="ge", maximum="le")
            case "boolean":
                return "bool"
            case None:
                return "Any"
        raise ValueError(f"{parent}.{wanted}: {schema}")

    def _enum(self, parent: str, wanted: str, values: list[str]) -> str:
        name, fresh = self._name(wanted, parent, json.dumps(values))
        if fresh:
            inner = "".join(f"    {json.dumps(value)},\n" for value in values)
            self.text.append(f"{name} = Literal[\n{inner}]")
        return name


def _resolved(schema: Any, definitions: Schema) -> Any:
    """A schema without references and words for people: what makes two definitions the same."""
    if isinstance(schema, list):
        return [_resolved(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    words = ("description", "javaType", "title", "$schema")
    return {key: _resolved(value, definitions) for key, value in schema.items() if key not in words}


def _limited(kind: str, schema: Schema, **words: str) -> str:
    limits = ", ".join(f"{ours}={schema[theirs]:g}" for theirs, ours in words.items() if theirs in schema)
    return f"Annotated[{kind}, Meta({limits})]" if limits else kind


def _capital(field: str) -> str:
    return field[0].upper() + field[1:]


def _snake(field: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", field).lower()
    return name + "_" if keyword.iskeyword(name) else name


def _field(field: str, kind: str, required: bool) -> str:
    name = _snake(field)
    head, *tail = name.split("_")
    plain = head + "".join(part.capitalize() for part in tail) == field
    kind = kind if required else f"{kind} | UnsetType"
    if plain:
        return f"    {name}: {kind}" + ("" if required else " = UNSET")
    options = f'name="{field}"' if required else f'default=UNSET, name="{field}"'
    return f"    {name}: {kind} = msgspec.field({options})"


def schemas(version: str) -> Iterator[tuple[str, Schema]]:
    """(title, schema) of every message: BootNotificationRequest, BootNotificationResponse and so on, in order."""
    folder = files("ocpp") / PACKAGES[version] / "schemas"
    for path in sorted(folder.iterdir(), key=lambda one: one.name):
        if path.name.endswith(".json"):
            name = path.name.removesuffix(".json")
            title = name if name.endswith(("Request", "Response")) else f"{name}Request"
            yield title, json.loads(path.read_text("utf-8-sig"))


def written(version: str) -> str:
    """The text of the module for a version, 16 or 201."""
    writer = Writer()
    found = dict(schemas(version))
    for title in found:
        writer.message(title, found[title])
    text = [HEAD.format(version={"16": "1.6", "201": "2.0.1"}[version]), *writer.text]
    for kind in ("Request", "Response"):
        lines = "".join(f'    "{title.removesuffix(kind)}": {title},\n' for title in found if title.endswith(kind))
        text.append(f"{kind.upper()}S: dict[str, type[Message]] = {{\n{lines}}}")
    return "\n\n\n".join(part.rstrip("\n") for part in text) + "\n"


def main() -> None:
    """Write both modules."""
    for version in PACKAGES:
        path = ROOT / f"messages{version}.py"
        path.write_text(written(version))
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
