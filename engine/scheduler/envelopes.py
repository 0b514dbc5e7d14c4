"""Builds envelopes: everything that an attempt needs, as JSON, because a node process opens no database."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from engine.config import Config, machine_memory_bytes
from engine.executors.base import Work
from engine.policy import stuck_after
from engine.scheduler.core.plan import PlanNode
from engine.scheduler.core.state import NodeState, RunState
from engine.states import SKIPPED_BY_PERSON

INLINE_BYTES = 32_768
"""Outputs up to this size travel as values; larger ones are artifacts."""
EXPRESSION_BYTES_MAX = 8 * 1024 * 1024
"""Expressions cannot read larger JSON outputs, because every attempt would have to read the whole output."""
INHERITED = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "PATH")

LoadOutput = Callable[[RunState, int], dict[str, Any] | None]
"""(run, index) -> the stored output of a node, for outputs that memory does not hold."""


class Envelopes:
    """Builds the works of ready nodes."""

    def __init__(self, config: Config, load_output: LoadOutput, remote: bool = False) -> None:
        """`remote`: other hosts run the works; each adds its own `host_members`."""
        self.config = config
        self.load_output = load_output
        self.host_members = "" if remote else f"{host_members(config)},"

    def sketch(self, node: NodeState) -> Work:
        """Return the work without claim and envelope: enough to ask an executor whether it has room."""
        plan, run = node.plan, node.run
        return Work(
            claim="",
            envelope={},
            soft_timeout=node.soft_timeout,
            hard_timeout=node.hard_timeout,
            memory_mb=node.memory_mb,
            python=self.config.node_python if plan.own_python else "",
            own_python=plan.own_python,
            expected=node.expected,
            stuck_after=stuck_after(node.expected, node.expected_from),
            run=str(run.id),
            workflow=run.workflow,
            node=plan.id,
            type=plan.type,
            entry=plan.entry,
            config=plan.config,
            shared=f"{self.host_members}{plan.shared or _of_plan(plan)},{run.shared or _of_run(run)}",
        )

    def complete(self, work: Work, node: NodeState) -> Work:
        """Add what only this attempt needs: its claim, its inputs, and the outputs that expressions read.

        Raises Unreadable.
        """
        plan, run = node.plan, node.run
        work.claim = node.claim
        work.envelope = {
            "soft_timeout": node.soft_timeout,
            "claim": node.claim,
            "attempt": node.attempt + 1,
            "inputs": self._inputs(run, plan) if plan.uses_inputs and plan.inputs else {},
            "nodes": {},
        }
        if plan.references:
            self._add_outputs(work.envelope, run, plan)
        return work

    def _add_outputs(self, envelope: dict[str, Any], run: RunState, plan: PlanNode) -> None:
        """Add the outputs that expressions read: as values, or as artifacts that the node process reads itself."""
        reads: dict[str, str] = {}
        for index in plan.references:
            name, output = run.plan.nodes[index].id, self._output(run, index)
            if output is None:
                envelope["nodes"][name] = None
            elif output["kind"] == "table":
                envelope["nodes"][name] = self._input(output)
            elif output.get("artifact"):
                _check_size(output, name)
                reads[name] = output["artifact"]
            else:
                envelope["nodes"][name] = output.get("value")
        if reads:
            envelope["reads"] = reads

    def _inputs(self, run: RunState, plan: PlanNode) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for source, port, target_port in plan.inputs:
            node = run.nodes[source]
            taken = node is not None and node.hands_on and (node.ports is None or port in node.ports)
            if taken and (output := self._output(run, source)) is not None:
                inputs[target_port] = self._input(output)
            else:
                # Two ports of a branch may lead to one input. The one that was not taken must not replace the value.
                inputs.setdefault(target_port, _null(node))
        return inputs

    def _output(self, run: RunState, index: int) -> dict[str, Any] | None:
        node = run.nodes[index]
        if node is None or not node.hands_on or node.summary is None:
            return None
        return node.output if node.output is not None else self.load_output(run, index)

    def _input(self, output: Mapping[str, Any]) -> dict[str, Any]:
        if output["kind"] == "table":
            return {
                "kind": "table",
                "path": output["artifact"],
                "schema": output["schema"],
                "row_count": output["row_count"],
            }
        if output.get("artifact"):
            return {"kind": "json", "path": output["artifact"]}
        return {"kind": "json", "value": output.get("value")}


def _null(source: NodeState | None) -> dict[str, Any]:
    """Return the input from a node that hands on no output; if a person skipped it, with its id for errors."""
    if source is not None and source.reason == SKIPPED_BY_PERSON:
        return {"kind": "json", "value": None, "skipped": source.plan.id}
    return {"kind": "json", "value": None}


def _check_size(output: Mapping[str, Any], name: str) -> None:
    if output.get("bytes", 0) > EXPRESSION_BYTES_MAX:
        raise Unreadable(
            f'The output of "{name}" has {output["bytes"]:,} bytes; an expression can read at most '
            f"{EXPRESSION_BYTES_MAX:,}. Return a smaller value from that node, or connect it and read it in code."
        )


def host_members(config: Config) -> str:
    """Return what all envelopes on this host have: JSON without its braces."""
    return _members(
        {
            "env": _environment(config, os.environ),
            "artifacts": config.artifacts,
            "files": str(config.files),
            "data_roots": [str(root) for root in config.data_roots],
            "closed": list(config.closed),
            "inline_bytes": INLINE_BYTES,
            "duckdb": _duckdb(config),
            "resolver": sys.executable,
        }
    )


class Unreadable(Exception):
    """An output that an expression reads is not available; the attempt fails with this text."""


def _of_plan(plan: PlanNode) -> str:
    """Return what all attempts of a node have in their envelopes."""
    plan.shared = _members(
        {
            "node": plan.id,
            "name": plan.name,
            "item": -1,
            "type": plan.type,
            "entry": plan.entry,
            "config": plan.config,
            "expressions": plan.expressions,
        }
    )
    return plan.shared


def _of_run(run: RunState) -> str:
    """Return what all attempts of a run have in their envelopes."""
    run.shared = _members(
        {"run": {"id": str(run.id), "workflow": run.workflow, "version": run.version, "inputs": run.inputs}}
    )
    return run.shared


def _members(shared: Mapping[str, Any]) -> str:
    """Return a JSON object without its braces."""
    return json.dumps(shared, separators=(",", ":"))[1:-1]


def _environment(config: Config, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of node code: locale, PATH, and what INTERLOCK_NODE_ENV names; nothing else of ours."""
    environment = {name: given[name] for name in INHERITED if name in given}
    environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    environment.setdefault("LANG", "C.UTF-8")
    environment.update({name: given[name] for name in config.node_env if name in given})
    return environment


def _duckdb(config: Config) -> dict[str, int]:
    """Return a node's share of the machine's memory and cores."""
    memory = machine_memory_bytes()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "memory_bytes": max(64 * 1024 * 1024, memory // (config.processes + 1)),
        "threads": max(1, cores // config.processes),
    }
