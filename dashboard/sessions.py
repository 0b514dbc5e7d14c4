"""Sessions of signed-in people. Only the hash of a key is stored: a reader of the database can use no session."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from dashboard.models import Session, digest


class SessionStore(db.SessionStore):
    """The database's sessions, by the hash of their key and with their account."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        key = self.session_key
        found = None if key is None else _by_key(key).filter(expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return bool(_by_key(session_key).exists())

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        return Session(
            session_key=digest(self._get_or_create_session_key()),  # type: ignore[attr-defined] # the stubs leave it out
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            _by_key(key).delete()


def _by_key(key: str) -> Any:
    return Session.objects.filter(session_key=digest(key))
