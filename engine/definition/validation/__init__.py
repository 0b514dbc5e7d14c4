"""The parts of a document's validation; `engine.definition.problems` puts them together."""
