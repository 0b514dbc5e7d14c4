"""The output of a command of a shell node."""

import subprocess

import pytest

from engine.nodes.shell.run import _Streams


@pytest.mark.timeout(20)
def test_follow_may_be_called_again_after_the_command_has_exited() -> None:
    """A soft limit may interrupt it at that moment; then it is called again."""
    with subprocess.Popen(["true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        streams = _Streams(process)
        for _ in range(2):
            streams.follow()
        streams.close()
    assert process.returncode == 0
