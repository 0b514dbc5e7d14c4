"""Column types shared by the models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

from engine.text import dump, stored_json


class RowId(models.BigAutoField):  # type: ignore[type-arg] # not generic at run time
    """Primary key of rows that are only found by what they belong to, so an id may be used again after a deletion.

    Django's AutoField makes SQLite store the highest id ever used in another table, which every insert reads and
    writes.
    """

    def db_type_suffix(self, connection: Any) -> str | None:
        return None if connection.vendor == "sqlite" else super().db_type_suffix(connection)


class JSONText(models.TextField):  # type: ignore[type-arg] # not generic at run time
    """A JSON value, stored as text on every database.

    jsonb would reorder keys, normalise numbers and refuse NUL. No query looks inside, so text keeps the value as it was
    at no cost. None is SQL NULL.
    """

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else stored_json(value)

    def value_to_string(self, obj: Any) -> str:
        return dump(self.value_from_object(obj))
