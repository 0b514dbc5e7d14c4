"""Signals of the scheduler. Nothing else is in this module, so that a receiver does not load the scheduler."""

from django.dispatch import Signal

run_set_aside = Signal()
"""Sent with `run` and `message` in the transaction that ends a run which the engine cannot go on with."""
