#!/usr/bin/env python3
"""conforms.py SCHEMA FILE: one JSON value that is as the schema says; else each difference and exit 1.

Knows the words that our schemas use, and fails on any other.
"""
import json
import re
import sys

KNOWN = {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items",
         "enum", "const", "minimum", "pattern"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def differences(value, schema, where):
    for word in set(schema) - KNOWN:
        yield f"{where}: the schema says {word}, which is not known here"
    if "type" in schema:
        if not isinstance(value, TYPES[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool)):
            yield f"{where}: {value!r} is no {schema['type']}"
            return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{where}: {value} is less than {schema['minimum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, part in value.items():
            if name in known:
                yield from differences(part, known[name], f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{where}: {name} is not in the schema"
    for i, part in enumerate(value if isinstance(value, list) else []):
        yield from differences(part, schema.get("items", {}), f"{where}[{i}]")


def only_once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice: {names}")
    return dict(pairs)


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        schema = json.load(f)
    with open(sys.argv[2], encoding="ascii") as f:
        value = json.load(f, object_pairs_hook=only_once)
    found = list(differences(value, schema, "$"))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
