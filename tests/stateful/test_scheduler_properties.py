"""The scheduler under random graphs, failures, limits, pools, priorities, users and faults: six properties of it.

A failing life is printed with its history. The short form tries 500 lives each, always the same; the long form 10,000
others each.
"""

import pytest
from hypothesis import Phase, given

from tests.stateful import checks, properties
from tests.stateful.order import Order
from tests.stateful.properties import LIVES, tried
from tests.stateful.world import Dice, Traits, World
from tests.support.effort import seed

lives = tried([Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])


@lives
@given(LIVES)
def test_every_run_ends(data: bytes) -> None:
    properties.every_run_ends(data)


@lives
@given(LIVES)
def test_no_node_starts_before_its_upstream(data: bytes) -> None:
    properties.no_node_before_its_upstream(data)


@lives
@given(LIVES)
def test_limits_and_slots_are_never_exceeded(data: bytes) -> None:
    properties.limits_are_never_exceeded(data)


@lives
@given(LIVES)
def test_the_order_holds_and_slots_are_reserved(data: bytes) -> None:
    properties.order_is_kept(data)


@lives
@given(LIVES)
def test_waiting_is_bounded_by_ageing(data: bytes) -> None:
    properties.waiting_is_bounded(data)


@lives
@given(LIVES)
def test_each_result_is_used_once(data: bytes) -> None:
    properties.each_result_is_used_once(data)


@lives
@given(LIVES)
def test_each_success_consumed_what_its_sources_have(data: bytes) -> None:
    properties.inputs_are_current(data)


@pytest.mark.parametrize("limit", [1, pytest.param(3, marks=pytest.mark.long), pytest.param(7, marks=pytest.mark.long)])
def test_ten_thousand_short_nodes_compete_for_places_and_slots(limit: int) -> None:
    """T20: a third of the 10,000 for each limit, while pools change between one and three slots."""
    race = Traits(
        actions=("start",) * 3 + ("work", "work", "resize"),
        ends=("succeeded",),
        rules=("all_success",),
        sizes=(240,),
        runs=14,
        workflows=("any",),
        pooled=4,
        limits=(limit,),
        branches=False,
        processes=30,
    )
    world = World(Dice.of(seed("race"), 200_000), race)
    Order(world)
    for _ in range(race.runs):
        world.start()
        world.tick()
    for turn in range(10_000):
        if len(world.over) == race.runs:
            break
        if turn % 5 == 0:
            world.resize()
        for _ in range(race.processes):
            world.begin()
        for _ in range(world.dice.roll(race.processes)):
            world.end()
        world.tick()
    world.finish()
    assert sum(len(run.plan.nodes) for run in world.runs) == 14 * 240
    checks.all_over(world)
    checks.limits_hold(world)
