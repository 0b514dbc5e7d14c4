"""Signals of the scheduler. Apart from its other modules, so that connecting to one loads none of them."""

from django.dispatch import Signal

run_set_aside = Signal()
"""Sent with `run` and `message` in the transaction that ends a run which the engine cannot go on with."""
