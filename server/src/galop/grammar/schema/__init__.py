"""From a JSON Schema to the nodes of `galop.grammar.schema_ir`: `read_schema` is the way in."""

from galop.grammar.schema.reader import MAX_DEPTH, MAX_NODES, read_schema
from galop.grammar.schema.subschemas import ParsedSchema

__all__ = ["MAX_DEPTH", "MAX_NODES", "ParsedSchema", "read_schema"]
