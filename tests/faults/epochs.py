"""Which scheduler connections write, as the database records it: one in each epoch, and none in an epoch that
is over."""

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.checks import hold
from tests.faults.hosts import Hosts

NOTES = """
CREATE TABLE test_writers (at bigserial PRIMARY KEY, epoch bigint, backend int);
CREATE FUNCTION test_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') = 'interlock-scheduler' THEN
        INSERT INTO test_writers (epoch, backend) SELECT epoch, pg_backend_pid() FROM engine_leader;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER test_writer AFTER UPDATE ON engine_run FOR EACH STATEMENT EXECUTE FUNCTION test_note();
CREATE TRIGGER test_beat AFTER UPDATE ON engine_leader FOR EACH STATEMENT EXECUTE FUNCTION test_note();
"""


def note_writers(rig: Hosts) -> None:
    """Let the database record from now on in which epoch each connection of a scheduler writes."""
    rig.do(NOTES)


def one_writer(rig: Hosts) -> int:
    """Check that one connection has written in each epoch, and none in an epoch that was over. Return the number of
    epochs."""
    rows = rig.do("SELECT epoch, backend FROM test_writers ORDER BY at")
    writers = defaultdict(set)
    for epoch, backend in rows:
        writers[epoch].add(backend)

    def problems() -> Iterable[str]:
        epochs = [epoch for epoch, _ in rows]
        if epochs != sorted(epochs):
            yield "an epoch that was over has written"
        for epoch, found in writers.items():
            if len(found) > 1:
                yield f"in epoch {epoch} {len(found)} connections have written"

    hold("one epoch", problems())
    return len(writers)
