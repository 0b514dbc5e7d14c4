"""A diagnosis as the contract's JSON. Pure."""

from typing import Any

from engine.diagnosis.finding import Action, Diagnosis, Evidence, Finding, StuckNode


def to_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the contract's Diagnostics, with `actions` (all of them) in addition."""
    usage = diagnosis.usage
    return {
        "workflow_id": diagnosis.workflow,
        "run_id": str(diagnosis.run),
        "status": diagnosis.status,
        "duration": None if diagnosis.duration is None else round(diagnosis.duration, 3),
        "stuck_nodes": [_stuck(node) for node in diagnosis.stuck],
        "waiting": [
            {"node_id": node.node, "conditions": [condition.shape() for condition in node.conditions]}
            for node in diagnosis.waiting
        ],
        "waiting_total": diagnosis.waiting_total,
        "resource_usage": {
            "cpu_usage": usage.cpu_usage,
            "memory_usage": usage.memory_usage,
            "io_wait": usage.io_wait,
            "network_io": usage.network_io,
        },
        "resource_scopes": dict(usage.scopes),
        "suggestions": [_suggestion(finding) for finding in diagnosis.findings],
    }


def _stuck(node: StuckNode) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "node_id": node.node,
        "type": node.type,
        "duration": round(node.duration, 3),
        "expected": node.expected,
        "expected_from": node.expected_from,
        "logs": list(node.logs),
    }
    if node.stack is not None:
        shape["stack"] = node.stack
    return shape


def _suggestion(finding: Finding) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "code": finding.code,
        "message": str(finding.message),
        "node_id": finding.node,
        "cause": finding.cause,
        "evidence": [_evidence(one) for one in finding.evidence],
    }
    if finding.actions:
        shape["action"] = _action(finding.actions[0])
        shape["actions"] = [_action(one) for one in finding.actions]
    return shape


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "kind": evidence.kind,
        "message": str(evidence.message),
        "value": evidence.value,
        "unit": evidence.unit,
        "pid": evidence.pid,
        "at": evidence.at,
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "label": str(action.label),
        "method": action.method,
        "path": action.path,
        "body": None if action.body is None else dict(action.body),
    }
