"""A task: all that the code of a node type gets for one attempt."""

from __future__ import annotations

import json
import os

from engine.worker.context import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.artifacts import Artifacts
    from engine.worker.frames import Frames
    from engine.worker.progress import Progress


_TABLE_KEYS = {"kind", "path", "schema", "row_count"}


class StoredOutput:
    """An output that is in its stored form already; `ports` are those it leaves by."""

    __slots__ = ("form",)

    def __init__(self, form: dict[str, Any], ports: list[str] | None = None) -> None:
        self.form = {**form, "ports": ports if ports is not None else ["out"]}


class Task:
    """One attempt, as `run(task)` of a node type sees it."""

    def __init__(self, envelope: dict[str, Any], frames: Frames, progress: Progress) -> None:
        self.envelope = envelope
        self.claim: str = envelope["claim"]
        self.node: str = envelope["node"]
        self.type: str = envelope["type"]
        self.config: dict[str, Any] = envelope.get("config") or {}
        """Expressions in it are evaluated already, except those that the node type binds itself."""
        self.ctx = Context(envelope, frames, progress)
        self.scratch: str = envelope.get("scratch") or ""
        """The working directory, empty when the attempt begins and again when it has ended."""
        self.filename = f"<{self.node}>"
        """Name under which code of this node is compiled, so that tracebacks lead to it."""
        for given in (envelope.get("inputs") or {}).values():
            if "path" in given:
                # The folder of artifacts is this host's own.
                given["path"] = os.path.join(envelope["artifacts"], given["path"])
        self._inputs: dict[str, Any] | None = None
        self._artifacts: Artifacts | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """{port: JSON value or Table}, read when first asked for."""
        if self._inputs is None:
            self._inputs = {
                port: self._read(port, given) for port, given in (self.envelope.get("inputs") or {}).items()
            }
        return self._inputs

    @property
    def artifacts(self) -> Artifacts:
        if self._artifacts is None:
            from engine.artifacts import Artifacts

            self._artifacts = Artifacts(self.envelope["artifacts"])
        return self._artifacts

    @property
    def expression_context(self) -> dict[str, Any]:
        """What expressions see: inputs of the run, outputs of nodes, the run."""
        run = self.envelope["run"]
        nodes = self.envelope.get("nodes") or {}
        seen = {node: {"output": _seen(output)} for node, output in nodes.items()}
        for node, name in (self.envelope.get("reads") or {}).items():
            seen[node] = {"output": self._large(node, name)}
        return {"inputs": run.get("inputs") or {}, "nodes": seen, "run": run}

    def json_form(self, value: Any) -> dict[str, Any]:
        """How a JSON value is stored as an output, without its ports."""
        from engine.worker import json_value

        data = json_value.encode(value)
        if len(data) <= self.envelope.get("inline_bytes", 32768):
            return {"kind": "json", "value": value, "bytes": len(data)}
        return {
            "kind": "json",
            "artifact": self.artifacts.put_bytes(data, ".json", claim=self.claim),
            "bytes": len(data),
        }

    def input_form(self, port: str) -> dict[str, Any]:
        """How an input is stored, in the form of outputs, without its ports."""
        given: dict[str, Any] = self.envelope["inputs"][port]
        if "path" not in given:
            return self.json_form(given.get("value"))
        path = given["path"]
        form = {
            "kind": given["kind"],
            "artifact": os.path.relpath(path, self.envelope["artifacts"]),
            "bytes": os.stat(path).st_size,
        }
        for key in ("schema", "row_count"):
            if key in given:
                form[key] = given[key]
        return form

    def _large(self, node: str, name: str) -> Any:
        """The output of a node that did not fit into the envelope."""
        try:
            with self.artifacts.open(name) as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            from engine.expressions.evaluation import ExpressionError

            raise ExpressionError(f'The output of "{node}" cannot be read: {error}.') from None

    def _read(self, port: str, given: dict[str, Any]) -> Any:
        if given["kind"] == "table":
            from engine.worker import tables

            tables.share(self)
            return tables.Table(given["path"], given["schema"], given["row_count"])
        if "path" in given:
            with open(given["path"], "rb") as file:
                return json.load(file)
        return given.get("value")


def _seen(output: Any) -> Any:
    """A node's output as expressions see it: of a table only its shape."""
    if isinstance(output, dict) and output.keys() == _TABLE_KEYS and output["kind"] == "table":
        return {"row_count": output["row_count"], "schema": output.get("schema")}
    return output
