"""`python` nodes use `multiprocessing` in each of its ways, in one node process after another attempt did."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.test_stacks import interpreter
from tests.support.supervised import Supervised

CODE = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

@dataclass
class Pair:
    number: int
    power: int

def power(pair):
    return Pair(pair.number ** pair.power, 1)

def main(inputs, ctx):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("{how}")) as pool:
        return [pair.number for pair in pool.map(power, [Pair(n, {power}) for n in range(4)])]
"""


@pytest.fixture
def node() -> Iterator[Supervised]:
    # The server that forks has a socket in the scratch folder, whose path may have 107 characters only.
    with tempfile.TemporaryDirectory(prefix="mp-") as home, Supervised(Path(home), workers=1) as started:
        yield started


def powers(node: Supervised, how: str, power: int, python: str = "") -> list[int]:
    work = node.work("python", python=python, node="in-pieces", code=CODE.format(how=how, power=power))
    ended = node.run(work)
    assert ended.state == "succeeded", (how, ended.error, node.reports)
    assert ended.output is not None
    return list(ended.output["value"])


def test_functions_and_classes_of_the_node_are_found_in_each_kind_of_process(node: Supervised) -> None:
    for how in ("spawn", "forkserver", "fork"):
        # The second attempt has other code under the same name.
        assert powers(node, how, 2) == [0, 1, 4, 9]
        assert powers(node, how, 3) == [0, 1, 8, 27]


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13", "3.14"])
def test_other_interpreters_find_them_too(node: Supervised, version: str) -> None:
    python = interpreter(version)
    for how in ("spawn", "forkserver", "fork"):
        assert powers(node, how, 2, python) == [0, 1, 4, 9]
