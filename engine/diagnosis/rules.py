"""All rules over the facts of a run. Pure."""

from engine.diagnosis import bottleneck, failed, resources, stuck, waiting
from engine.diagnosis.facts import RunFacts
from engine.diagnosis.finding import Diagnosis, Finding, Usage
from engine.states import RUN_TERMINAL

_LASTING = ("sleeping", "cpu_loop", "slow", "not_determined", "io_wait", "polling", "query")
"""Causes that say only what a node does, not what keeps it from going on."""
_USAGE = ("cpu_usage", "memory_usage", "io_wait", "network_io")


def diagnosis(facts: RunFacts) -> Diagnosis:
    """Return what the facts mean. The most useful findings come first: what stops everything, what is stuck, what
    waits, what lacks resources, what failed, what made it slow."""
    suspects = stuck.suspects(facts)
    findings: list[Finding] = [*waiting.scheduler(facts)]
    ended = facts.state in RUN_TERMINAL
    if not ended:
        causes = stuck.findings(facts, suspects)
        # Nodes that wait for a stuck one are reported only when it is known why that one is stuck.
        unexplained = {suspect.running.node for suspect in suspects} - {cause.node for cause in causes}
        scarce = resources.memory_findings(facts)
        endangered = {finding.node for finding in scarce}
        # What memory may end at any moment comes before what only lasts, but not before why a node cannot go on.
        lasting = [one for one in causes if one.node in endangered and one.cause in _LASTING]
        findings += [one for one in scarce if one.node in {cause.node for cause in lasting}]
        findings += causes
        findings += waiting.findings(facts, unexplained)
        findings += [one for one in scarce if one not in findings]
        findings += resources.findings(facts)
    findings += failed.findings(facts)
    findings += bottleneck.findings(facts)
    return Diagnosis(
        workflow=facts.workflow,
        run=facts.run,
        status=facts.state,
        duration=facts.duration,
        stuck=stuck.stuck_nodes(suspects),
        waiting=waiting.waiting_nodes(facts),
        usage=Usage(scopes=dict.fromkeys(_USAGE, "not_determined")) if ended else resources.usage(facts),
        findings=findings,
        waiting_total=facts.waiting_total,
    )
