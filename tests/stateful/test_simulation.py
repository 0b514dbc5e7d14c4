"""T29: whole lives of the scheduler in which it is killed at any statement, commits fail, leaders change, and reports
come twice and late. Pure and seeded: the same seed gives the same life."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.count import injected
from tests.stateful import checks
from tests.stateful.kills import KilledWorld, Statement
from tests.stateful.order import Order
from tests.stateful.properties import FAULTS, PEOPLE, WORK
from tests.stateful.world import Dice, Traits
from tests.support.broken import Broken
from tests.support.effort import rounds, seed

BY_EVERY_CHANGE = 400
KILLED = Traits(actions=WORK + PEOPLE + FAULTS + ("bad_reports", "takeover") + ("kill",) * 8)
ONE_KILL = Traits(actions=WORK + PEOPLE + FAULTS + ("bad_reports",) * 2)


def judge(world: KilledWorld) -> None:
    """Check I1 to I10 and the part of the order that does not depend on when a kill came."""
    checks.all_over(world)
    checks.upstream_first(world)
    checks.limits_hold(world)
    checks.used_once(world)
    checks.inputs_are_current(world)
    checks.definitions_unchanged(world)
    checks.rows_agree(world.sim.store)


def live(world: KilledWorld, name: str, order: bool = True) -> None:
    """`order`: also check the order, where each tick reads all reports that have come."""
    if order and not world.sim.budget:
        Order(world)
    try:
        world.live()
        judge(world)
    except Broken as error:
        error.add_note(f"{name}; killed at {world.killer.kills}\n{world.describe()}")
        raise
    finally:
        count(world)


def count(world: KilledWorld) -> None:
    for kind, n in (
        ("scheduler killed at a statement (simulated)", len(world.killer.kills)),
        ("scheduler killed between turns (simulated)", world.crashes - len(world.killer.kills) - world.takeovers),
        ("scheduler replaced while it stood still (simulated)", world.takeovers),
        ("commit failed or its answer was lost (simulated)", world.outages),
    ):
        if n:
            injected(kind, n)


def live_all(first: int, number: int, order: bool = True) -> None:
    for life in range(first, first + number):
        live(KilledWorld(Dice.of(life), KILLED), f"life {life}", order)


def test_every_invariant_holds_in_random_lives() -> None:
    live_all(seed("simulation"), rounds(BY_EVERY_CHANGE, 100_000))


def passages(lives: range) -> Iterator[tuple[int, Statement, int]]:
    """Return where a scheduler may be killed: (life, statement, number of its passage in this life). The first passages
    of each statement, over all lives."""
    met: Counter[Statement] = Counter()
    for number in lives:
        world = KilledWorld(Dice.of(number), ONE_KILL)
        world.killer.passed = []
        world.live()
        times: Counter[Statement] = Counter()
        for statement in world.killer.passed:
            times[statement] += 1
            if met[statement] < rounds(1, 40):
                met[statement] += 1
                yield number, statement, times[statement]


def test_a_kill_at_each_statement_of_a_turn_breaks_nothing() -> None:
    wanted, killed = set(), set()
    for number, statement, time in passages(range(1, 1 + rounds(3, 40))):
        world = KilledWorld(Dice.of(number), ONE_KILL)
        world.killer.at, world.killer.left = statement, time
        live(world, f"life {number}, killed at passage {time} of {statement}")
        wanted.add(statement)
        killed.update(world.killer.kills)
    # What runs once in a process, such as an import, does not come again.
    assert len(killed) > 0.99 * len(wanted), wanted - killed
