"""Definitions, stored once under the hash of their content."""

from django.db import models


class Definition(models.Model):
    """One document of nodes and edges. It never changes, so a run that refers to it stays as it was started."""

    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 (hex) of the canonical document.")
    document = models.TextField(help_text="Canonical JSON, positions included.")
    node_count = models.PositiveIntegerField()
    created_at = models.DateTimeField()
