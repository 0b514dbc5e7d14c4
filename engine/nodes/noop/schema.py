"""`noop`: does nothing; its edges only set an order."""

from engine.nodes.base import NodeType
from engine.sentences import gettext_noop as _

NODE_TYPE = NodeType(
    type="noop",
    name=_("No operation"),
    category="flow",
    icon="circle-dot",
    description=_("Does nothing. Nodes after it wait for all nodes before it."),
    run="engine.nodes.noop.run",
    uses_inputs=False,
    names_inputs=False,
    output="nothing",
    between_rank=4,
)
