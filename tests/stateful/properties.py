"""Properties of the scheduler: each generates a life from bytes and judges it by checks.py or order.py.

Each is a function from bytes that raises Broken, so that the correct scheduler (test_scheduler_properties.py) and
broken ones (test_broken_schedulers.py) are tested alike.
"""

from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.stateful import checks
from tests.stateful.order import Order
from tests.stateful.world import Dice, Traits, World
from tests.support.broken import Broken
from tests.support.effort import LONG, rounds

Property = Callable[[bytes], None]

WORK = ("work",) * 6 + ("wait", "start", "resize")
PEOPLE = ("cancel", "cancel_node", "skip", "retry")
FAULTS = ("crash", "outage", "remove", "take_back")

ANYTHING = Traits(actions=WORK + PEOPLE + FAULTS)
BAD_REPORTS = Traits(actions=WORK + PEOPLE + FAULTS + ("bad_reports",) * 6)
QUIET = Traits(actions=(*WORK, "cancel", "cancel_node", "skip", "take_back", "remove"))
"""Without what makes a node ready twice in one commit, or interrupts a tick."""
STREAM = Traits(
    actions=("start",) * 4 + ("wait",) * 2 + ("end", "begin", "work"),
    ends=("succeeded",),
    rules=("all_success",),
    sizes=(1,),
    runs=60,
    workflows=("any",),
    limits=(None,),
    branches=False,
)
"""Many small runs, with pools, of which each new one may be more urgent than those that wait."""

LIVES = st.binary(min_size=256, max_size=1024)
BY_EVERY_CHANGE, LONG_FORM = 500, 10_000


def tried(phases: Iterable[Phase]) -> settings:
    """Return the number of lives: the same ones in each short form, others in each long form."""
    return settings(
        max_examples=rounds(BY_EVERY_CHANGE, LONG_FORM),
        derandomize=not LONG,
        deadline=None,
        print_blob=True,
        phases=list(phases),
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )


def try_out(wanted: Property) -> None:
    """Raises Broken as soon as a life violates the property. It does not shrink the life."""

    @tried([Phase.generate])
    @given(LIVES)
    def run(data: bytes) -> None:
        wanted(data)

    run()


def _lives(traits: Traits, judges: Iterable[Callable[[World], None]], data: bytes, observe: str = "") -> None:
    world = World(Dice(data), traits)
    if observe:
        Order(world, observe)
    try:
        world.live()
        for judge in judges:
            judge(world)
    except Broken as error:
        error.add_note(world.describe())
        raise


def every_run_ends(data: bytes) -> None:
    """I2, I3, I6: once faults stop every run ends according to its nodes, and nothing is held."""
    _lives(ANYTHING, [checks.all_over], data)


def no_node_before_its_upstream(data: bytes) -> None:
    _lives(ANYTHING, [checks.upstream_first], data)


def limits_are_never_exceeded(data: bytes) -> None:
    """I5, I6."""
    _lives(ANYTHING, [checks.limits_hold], data)


def each_result_is_used_once(data: bytes) -> None:
    """I1, I4, I7 to I10: despite reports that come twice, late, in another order or with unknown claims."""

    def rows(world: World) -> None:
        checks.rows_agree(world.sim.store)

    _lives(BAD_REPORTS, [checks.used_once, checks.definitions_unchanged, rows], data)


def inputs_are_current(data: bytes) -> None:
    _lives(ANYTHING, [checks.inputs_are_current], data)


def order_is_kept(data: bytes) -> None:
    """I20: see order.py."""
    _lives(QUIET, [], data, "order reservation bound idle")


def smallest_key_first(data: bytes) -> None:
    """I20, only the order."""
    _lives(QUIET, [], data, "order")


def slots_are_reserved(data: bytes) -> None:
    """I20: a node that needs several slots is not starved by small ones."""
    _lives(QUIET, [], data, "reservation")


def waiting_is_bounded(data: bytes) -> None:
    """I20: no node waits behind much later ones, however urgent they are."""
    _lives(STREAM, [], data, "bound")


def nothing_waits_beside_room(data: bytes) -> None:
    """I20: nodes that could start do."""
    _lives(QUIET, [], data, "idle")
