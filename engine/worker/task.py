"""What a node type gets to run one attempt."""

from __future__ import annotations

import json
import os

from engine.worker.context import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.artifacts import Artifacts
    from engine.worker.frames import FrameWriter
    from engine.worker.progress import ProgressReporter

_TABLE_KEYS = {"kind", "path", "schema", "row_count"}


class StoredOutput:
    """An output that is in its stored form already; `ports` are those that it is sent to."""

    __slots__ = ("form",)

    def __init__(self, form: dict[str, Any], ports: list[str] | None = None) -> None:
        self.form = {**form, "ports": ports if ports is not None else ["out"]}


class Task:
    """The argument of `run(task)` of a node type."""

    def __init__(self, envelope: dict[str, Any], frames: FrameWriter, progress: ProgressReporter) -> None:
        self.envelope = envelope
        self.claim: str = envelope["claim"]
        self.node: str = envelope["node"]
        self.type: str = envelope["type"]
        self.config: dict[str, Any] = envelope.get("config") or {}
        """Its expressions are evaluated, except in fields that the node type binds itself."""
        self.ctx = Context(envelope, frames, progress)
        self.scratch: str = envelope.get("scratch") or ""
        """The working directory. It is empty when the attempt begins, and its content is deleted afterwards."""
        self.filename = f"<{self.node}>"
        """The file name with which code of this node is compiled, so that tracebacks lead to it."""
        for given in (envelope.get("inputs") or {}).values():
            if "path" in given:
                # Paths are relative, because each host has its own folder of artifacts.
                given["path"] = os.path.join(envelope["artifacts"], given["path"])
        self._inputs: dict[str, Any] | None = None
        self._artifacts: Artifacts | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """{port: JSON value or Table}, read on first use."""
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
        """The variables of expressions: inputs of the run, outputs of nodes, the run."""
        run = self.envelope["run"]
        nodes = self.envelope.get("nodes") or {}
        outputs = {node: {"output": _for_expressions(output)} for node, output in nodes.items()}
        for node, name in (self.envelope.get("reads") or {}).items():
            outputs[node] = {"output": self._read_artifact(node, name)}
        return {"inputs": run.get("inputs") or {}, "nodes": outputs, "run": run}

    def json_form(self, value: Any) -> dict[str, Any]:
        """Return the stored form of a JSON value, without ports."""
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
        """Return the stored form of an input as an output, without ports."""
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

    def _read_artifact(self, node: str, name: str) -> Any:
        """Return the output of a node that did not fit into the envelope."""
        try:
            with self.artifacts.open(name) as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            from engine.expressions.evaluation import ExpressionError

            raise ExpressionError(f'The output of "{node}" cannot be read: {error}.') from None

    def _read(self, port: str, given: dict[str, Any]) -> Any:
        if given["kind"] == "table":
            from engine.worker import table

            table.set_share(self.envelope)
            return table.Table(given["path"], given["schema"], given["row_count"])
        if "path" in given:
            with open(given["path"], "rb") as file:
                return json.load(file)
        return given.get("value")


def _for_expressions(output: Any) -> Any:
    """Return a node's output as expressions see it: of a table only its schema and number of rows."""
    if isinstance(output, dict) and output.keys() == _TABLE_KEYS and output["kind"] == "table":
        return {"row_count": output["row_count"], "schema": output.get("schema")}
    return output
