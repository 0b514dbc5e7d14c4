"""Envelopes: all that an attempt needs, as JSON, for a node process that opens no database."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors.base import Work
from engine.policy import stuck_after
from engine.scheduler.memory import NodeState, RunState
from engine.scheduler.plan import PlanNode

INLINE_BYTES = 32_768
"""Outputs up to this size travel as values; larger ones are artifacts."""
EXPRESSION_BYTES_MAX = 8 * 1024 * 1024
"""A larger JSON output cannot be read by an expression: it would have to travel with every attempt."""
LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "PATH")

LoadOutput = Callable[[RunState, int], dict[str, Any] | None]
"""The stored output of a node that memory has let go: (run, index)."""


class Envelopes:
    """Builds the work for ready nodes."""

    def __init__(self, config: Config, load_output: LoadOutput) -> None:
        self.config = config
        self.load_output = load_output
        self.environment = _environment(config, os.environ)
        self.artifacts = config.artifacts
        self.scratch = str(config.scratch)
        self.common = {
            "env": self.environment,
            "artifacts": config.artifacts,
            "files": str(config.files),
            "data_roots": [str(root) for root in config.data_roots],
            "inline_bytes": INLINE_BYTES,
            "duckdb": _duckdb(config),
            "resolver": sys.executable,
        }

    def sketch(self, node: NodeState) -> Work:
        """Enough of the work to ask an executor whether it has room: no claim, no inputs."""
        plan = node.plan
        static = plan.static
        if static is None:
            static = plan.static = {
                "node": plan.id,
                "name": plan.name,
                "item": -1,
                "type": plan.type,
                "entry": plan.entry,
                "config": plan.config,
                "expressions": plan.expressions,
                **self.common,
            }
        run = node.run
        envelope = {
            **static,
            "run": {"id": str(run.id), "workflow": run.workflow, "version": run.version, "inputs": run.inputs},
            "soft_timeout": node.soft_timeout,
        }
        return Work(
            claim="",
            envelope=envelope,
            soft_timeout=node.soft_timeout,
            hard_timeout=node.hard_timeout,
            memory_mb=node.memory_mb,
            python=self.config.node_python if plan.own_python else "",
            expected=node.expected,
            stuck_after=stuck_after(node.expected, node.expected_from),
        )

    def complete(self, work: Work, node: NodeState) -> Work:
        """Add what only the attempt that is sent needs: its claim, inputs, outputs named by expressions.

        Raises Unreadable when an output cannot be had.
        """
        plan, run = node.plan, node.run
        work.claim = node.claim
        envelope = work.envelope
        envelope["claim"] = node.claim
        envelope["attempt"] = node.attempt + 1
        envelope["scratch"] = f"{self.scratch}/{node.claim}"
        envelope["inputs"] = self._inputs(run, plan) if plan.uses_inputs and plan.upstream else {}
        envelope["nodes"] = {
            run.plan.nodes[index].id: self._value(self._output(run, index), run.plan.nodes[index])
            for index in plan.references
        }
        return work

    def _inputs(self, run: RunState, plan: PlanNode) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for source, port, target_port in plan.upstream:
            node = run.nodes[source]
            taken = node is not None and node.state == "succeeded" and (node.ports is None or port in node.ports)
            if taken:
                inputs[target_port] = self._input(self._output(run, source))
            else:
                # Of two ports of a branch that lead here only one was taken: the other says nothing.
                inputs.setdefault(target_port, {"kind": "json", "value": None})
        return inputs

    def _output(self, run: RunState, index: int) -> dict[str, Any] | None:
        node = run.nodes[index]
        if node is None or node.state != "succeeded":
            return None
        return node.output if node.output is not None else self.load_output(run, index)

    def _input(self, output: Mapping[str, Any] | None) -> dict[str, Any]:
        if output is None:
            return {"kind": "json", "value": None}
        if output["kind"] == "table":
            return {
                "kind": "table",
                "path": f"{self.artifacts}/{output['artifact']}",
                "schema": output["schema"],
                "row_count": output["row_count"],
            }
        if output.get("artifact"):
            return {"kind": "json", "path": f"{self.artifacts}/{output['artifact']}"}
        return {"kind": "json", "value": output.get("value")}

    def _value(self, output: Mapping[str, Any] | None, plan: PlanNode) -> Any:
        """An output as expressions read it: the value, or of a table its shape."""
        if output is None:
            return None
        if output["kind"] == "table":
            return self._input(output)
        if not output.get("artifact"):
            return output.get("value")
        if output.get("bytes", 0) > EXPRESSION_BYTES_MAX:
            raise Unreadable(
                f'The output of "{plan.id}" has {output["bytes"]:,} bytes; an expression can read at most '
                f"{EXPRESSION_BYTES_MAX:,}. Let the node give a smaller value, or connect it and read it in code."
            )
        try:
            return json.loads((Path(self.artifacts) / output["artifact"]).read_bytes())
        except (OSError, ValueError) as error:
            raise Unreadable(f'The output of "{plan.id}" cannot be read: {error}.') from error


class Unreadable(Exception):
    """An output that an expression names cannot be had; the attempt fails with this text."""


def _environment(config: Config, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of node code: locale, path, and what INTERLOCK_NODE_ENV names; nothing else of ours."""
    environment = {name: given[name] for name in LOCALE if name in given}
    environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    environment.setdefault("LANG", "C.UTF-8")
    environment.update({name: given[name] for name in config.node_env if name in given})
    return environment


def _duckdb(config: Config) -> dict[str, int]:
    """A node's share of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "memory_bytes": max(64 * 1024 * 1024, memory // (config.processes + 1)),
        "threads": max(1, cores // config.processes),
    }
