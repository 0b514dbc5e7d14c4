"""`noop`: only orders."""

from engine.nodes.base import NodeType

NODE_TYPE = NodeType(
    type="noop",
    name="No operation",
    category="flow",
    icon="circle-dot",
    description="Does nothing and gives null; nodes after it wait for all nodes before it.",
    run="engine.nodes.noop.run",
    uses_inputs=False,
)
