"""Settings of Python's garbage collector for processes that live long and must not pause. Pure."""

import gc


def tune() -> None:
    """Exempt what is loaded by now from collection, and make full collections rare.

    Later objects are mostly short-lived. With some parsed documents of 10,000 nodes in memory each full collection
    takes 100 ms, during which no other thread of the process runs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
