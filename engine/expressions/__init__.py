"""`{{ ... }}` expressions: found in configs and checked, as CEL of bounded cost.

Everything here evaluates nothing. `engine.expressions.rendering` gives the values, in node processes.
"""

from engine.expressions.templates import Expression, Place, closed_spans, find, places, problems, references

__all__ = ["Expression", "Place", "closed_spans", "find", "places", "problems", "references"]
