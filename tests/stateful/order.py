"""I20: which ready node is sent next, and how long one can wait. Observes each tick of the scheduler.

What is guaranteed, for ready nodes of runs that start new nodes:

- order: of those that could start, the one with the smallest `ready_at + priority x 60 s` is sent first (equal: the
  older run, then document order). A node could start when its run is below `max_concurrent`, and its pool has
  unreserved slots for it.
- reservation: while a node waits for slots of its pool and its run has a place for it, nothing with a larger key that
  uses the pool is sent. So it is sent at the latest when all attempts that held the pool's slots as it became first in
  the queue have ended.
- bound: nothing that became ready more than (its priority - the other's) x 60 s after a node is sent before it, while
  that one could start: with priorities 1 to 9 a node waits at most 480 s behind later ones.
- idle: as long as the node processes have room, nothing that could start waits.
"""

from collections import Counter
from dataclasses import dataclass

from engine.definition import Policy
from tests.stateful.world import World
from tests.support.broken import Broken

AGING_US = 60_000_000


@dataclass(slots=True)
class Waiting:
    """A ready node that is not sent."""

    key: tuple[int, int, int]
    run: int
    node: str
    pool: str | None
    slots: int
    limit: int | None
    """`max_concurrent` of its run."""
    ready_us: int
    priority: int


class Order:
    """Raises Broken as soon as one of `parts` is violated: of order, reservation, bound and idle."""

    def __init__(self, world: World, parts: str = "order reservation bound idle") -> None:
        self.parts = frozenset(parts.split())
        self.world = world
        self.ready_us: dict[tuple[int, str], int] = {}
        """When a node became ready, by the clock at the commit that stored it. A lost attempt changes nothing."""
        self.states: dict[tuple[int, str], tuple[str, int]] = {}
        self.held: set[tuple[int, str]] = set()
        self.facts = 0
        self.disturbed = False
        world.observe = self

    def before(self) -> None:
        self.held = {(fact.run, fact.node) for fact in self.world.truth.held.values()}
        self.facts = len(self.world.truth.facts)
        # A tick whose commit fails sends nothing.
        self.disturbed = bool(self.world.sim.store.fail)

    def committed(self) -> None:
        now_us = round(self.world.sim.clock.now * 1e6)
        for run in self.world.runs:
            for name, row in run.nodes.items():
                key, state = (run.id, name), (row["state"], row["attempt"])
                before = self.states.get(key)
                if before == state and run.id not in self.world.retried:
                    continue
                self.states[key] = state
                if row["state"] != "ready":
                    continue
                if run.id in self.world.retried:
                    self.ready_us[key] = row["ready_at"]
                    continue
                if before is None or before[0] not in ("ready", "running"):
                    self.ready_us[key] = now_us
                # Else its attempt was lost or interrupted, maybe in one commit with its start: it keeps its place.
                if row["ready_at"] != self.ready_us[key] and "order" in self.parts:
                    raise Broken(f"I20 order: {key} became ready at {self.ready_us[key]}, and says {row['ready_at']}")

    def after(self) -> None:
        if self.disturbed:
            return
        world = self.world
        sent = [(fact.run, fact.node) for fact in world.truth.facts[self.facts :] if fact.kind == "sent"]
        line = self._line()
        in_run: Counter[int] = Counter(run for run, _ in self.held)
        in_pool: Counter[str | None] = Counter()
        for run, node in self.held:
            policy = self._policy(run, node)
            in_pool[policy.pool] += policy.slots
        for key in sent:
            place = next((n for n, one in enumerate(line) if (one.run, one.node) == key), None)
            if place is None:
                raise Broken(f"I20 order: {key} was sent, and was not ready")
            self._judge(line, place, in_run, in_pool)
            one = line.pop(place)
            in_run[one.run] += 1
            in_pool[one.pool] += one.slots
        if len(self.held) + len(sent) < world.sim.processes + world.sim.ahead and "idle" in self.parts:
            idle = next((one for one in self._could(line, in_run, in_pool)), None)
            if idle is not None:
                raise Broken(f"I20 idle: {idle} waits, and could start")

    def _judge(self, line: list[Waiting], place: int, in_run: Counter[int], in_pool: Counter[str | None]) -> None:
        """Return whether the node at `place` may be sent now."""
        one = line[place]
        for other in self._could(line, in_run, in_pool):
            if "bound" in self.parts and one.ready_us > other.ready_us + (other.priority - one.priority) * AGING_US:
                raise Broken(f"I20 bound: {one} is sent before {other}")
            if "order" in self.parts and other.key < one.key:
                raise Broken(f"I20 order: {one} is sent before {other}")
        if one.pool is None or "reservation" not in self.parts:
            return
        for other in line[:place]:
            place_in_run = other.limit is None or in_run[other.run] < other.limit
            if other.pool == one.pool and place_in_run and other.slots <= self.world.sizes.get(one.pool, 0):
                raise Broken(f"I20 reservation: {one} takes slots that {other} waits for")

    def _could(self, line: list[Waiting], in_run: Counter[int], in_pool: Counter[str | None]) -> list[Waiting]:
        """Return the nodes of the queue that could start, ignoring reservations."""
        found = []
        waited_for: set[str] = set()
        for one in line:
            if one.pool is not None:
                size = self.world.sizes.get(one.pool, 0)
                if one.pool in waited_for or one.slots > size:
                    continue
                waited_for.add(one.pool)
                if in_pool[one.pool] + one.slots > size:
                    continue
            if one.limit is None or in_run[one.run] < one.limit:
                found.append(one)
        return found

    def _policy(self, run: int, node: str) -> Policy:
        plan = self.world.sim.store.runs[run].plan
        return plan.nodes[plan.by_id[node]].policy

    def _line(self) -> list[Waiting]:
        """Return what is ready and not sent before this tick, by key."""
        line = []
        for run in self.world.runs:
            values = run.values
            if values["state"] != "running" or values["reason"] == "workflow_limit":
                continue
            for name, row in run.nodes.items():
                if row["state"] != "ready" or (run.id, name) in self.held:
                    continue
                node = run.plan.nodes[run.plan.by_id[name]]
                if values["stopping"] and not (values["stopping"] == "run_stopped" and node.clean_up):
                    continue
                policy = node.policy
                priority = values["priority"] if policy.priority is None else policy.priority
                ready_us = self.ready_us[run.id, name]
                key = ready_us + priority * AGING_US, run.id, node.index
                limit = run.plan.settings.max_concurrent
                line.append(Waiting(key, run.id, name, policy.pool, policy.slots, limit, ready_us, priority))
        line.sort(key=lambda one: one.key)
        return line
