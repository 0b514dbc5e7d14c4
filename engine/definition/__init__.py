"""Definitions: the document that people draw, its parsed form, its problems, its hash, and where it is stored."""

from engine.definition.document import (
    Document,
    Edge,
    Node,
    Policy,
    Settings,
    canonical,
    content_hash,
    parse,
    problems,
)
from engine.definition.validation.check import SCHEMA

__all__ = [
    "SCHEMA",
    "Document",
    "Edge",
    "Node",
    "Policy",
    "Settings",
    "canonical",
    "content_hash",
    "parse",
    "problems",
]
