"""A command as the node process follows it."""

from __future__ import annotations

import subprocess

import pytest

from engine.nodes.shell.run import _Streams


@pytest.mark.timeout(20)
def test_a_command_that_has_ended_may_be_followed_once_more() -> None:
    """A soft limit that comes just then interrupts it, and it is followed again."""
    with subprocess.Popen(["true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        streams = _Streams(process)
        for _ in range(2):
            streams.follow()
        streams.close()
    assert process.returncode == 0
