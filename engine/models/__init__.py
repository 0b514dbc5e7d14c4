"""The tables of the engine. Models have no actions: those are in engine.actions and the scheduler."""

from engine.models.checkpoints import Checkpoint
from engine.models.definitions import Definition
from engine.models.events import EventBatch, LogBatch
from engine.models.pools import Leader, Pool
from engine.models.remote import Dispatch, Host, HostReport
from engine.models.runs import Attempt, Command, NodeRun, Run
from engine.models.samples import NodeStat, Sample, Stack

__all__ = [
    "Attempt",
    "Checkpoint",
    "Command",
    "Definition",
    "Dispatch",
    "EventBatch",
    "Host",
    "HostReport",
    "Leader",
    "LogBatch",
    "NodeRun",
    "NodeStat",
    "Pool",
    "Run",
    "Sample",
    "Stack",
]
