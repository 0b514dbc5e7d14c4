"""All rules over the facts of a run. Pure."""

from __future__ import annotations

from engine.diagnosis import failed, resources, stuck, waiting
from engine.diagnosis.facts import Facts
from engine.diagnosis.finding import Diagnosis, Finding, Usage
from engine.states import RUN_TERMINAL


def diagnosis(facts: Facts) -> Diagnosis:
    """What the facts mean, the most useful first: what keeps everything from going on, what failed, what is stuck,
    what waits for others, what is short."""
    facing = stuck.to_look_at(facts)
    found: list[Finding] = [*waiting.scheduler(facts)]
    over = facts.state in RUN_TERMINAL
    if not over:
        # A failure of a run that goes on will still be there; what is stuck keeps it from its end.
        causes = stuck.findings(facts, facing)
        # Who waits for a node is not said before why that one does not end.
        unsaid = {running.node for running, _ in facing} - {cause.node for cause in causes}
        found += causes
        found += waiting.findings(facts, unsaid)
        found += resources.findings(facts)
    found += failed.findings(facts)
    return Diagnosis(
        workflow=facts.workflow,
        run=facts.run,
        status=facts.state,
        duration=facts.duration,
        stuck=stuck.stuck_nodes(facing),
        waiting=waiting.waiting_nodes(facts),
        usage=resources.usage(facts) if not over else Usage(scopes=dict.fromkeys(_USAGE, "not_determined")),
        findings=found,
        waiting_total=facts.waiting_total,
    )


_USAGE = ("cpu_usage", "memory_usage", "io_wait", "network_io")
