"""Whether Redis, where REDIS_URL names one, can be used; and if not, why, in words for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis

from engine.config import Config
from engine.hints.redis import ERRORS, client, prefix

SECONDS = 3.0
"""For its answers."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong. Neither text holds a password."""

    found: str
    advice: str
    bearable: bool = False
    """Whether hints get through all the same."""

    def __str__(self) -> str:
        return f"REDIS_URL: {self.found}. {self.advice}"


def trouble(config: Config) -> Trouble | None:
    """None: it can be used. Waits a few seconds at most."""
    where = _place(config.redis_url)
    try:
        with client(config, "check", SECONDS) as asking:
            asking.ping()
            asking.publish(prefix(config) + "check", b"")
            asking.set(prefix(config) + "check", b"", ex=1)
    except redis.AuthenticationError as error:
        return _refused(where, error)
    except redis.exceptions.NoPermissionError as error:
        return Trouble(f"the user may not do what is needed at {where} ({error})",
                       "Give it the right to publish, subscribe and write, or name another in REDIS_URL.")  # fmt: skip
    except redis.OutOfMemoryError:
        return Trouble(f"the Redis at {where} is full (maxmemory) and stores nothing more",
                       "Give it more memory, or take out of it what is not needed.",
                       bearable=config.executor != "celery")  # fmt: skip
    except redis.ReadOnlyError:
        return Trouble(f"the Redis at {where} is a replica that takes no writes", "Name the primary in REDIS_URL.")
    except redis.BusyLoadingError:
        return Trouble(f"the Redis at {where} is still reading its data", "Try again in a moment.")
    except redis.TimeoutError:
        return Trouble(f"nothing at {where} answers within {SECONDS:.0f} s",
                       "Check the address in REDIS_URL, that this is a Redis, and the firewall.")  # fmt: skip
    except redis.ConnectionError as error:
        if "certificate" in str(error):
            return Trouble(f"the certificate of the Redis at {where} is not trusted ({_last_words(error)})",
                           "Name who signed it at the end of REDIS_URL: ?ssl_ca_certs=/path/to/ca.pem")  # fmt: skip
        if "closed" in str(error).lower() or "reset" in str(error):
            return _no_redis(where, error)
        return Trouble(f"no Redis can be reached at {where} ({_last_words(error)})",
                       "Check the address in REDIS_URL, and that the server runs.")  # fmt: skip
    except redis.ResponseError as error:
        # A server with a password that was given none says so in an answer of its own.
        if "NOAUTH" in str(error) or "AUTH" in str(error).upper():
            return _refused(where, error)
        if "DB index" in str(error):
            return Trouble(f"the Redis at {where} has no database of that number",
                           "Give a smaller one after the last / of REDIS_URL.")  # fmt: skip
        return _no_redis(where, error)
    except ERRORS as error:
        return _no_redis(where, error)
    return None


def eviction(config: Config) -> str:
    """The policy by which a full Redis throws away what it holds, also messages of Celery; empty: it does not, or says
    nothing of it."""
    try:
        with client(config, "check", SECONDS) as asking:
            found = asking.info("memory")
    except ERRORS:
        return ""
    policy = str(found.get("maxmemory_policy", "")) if isinstance(found, dict) else ""
    return "" if policy == "noeviction" else policy


def _refused(where: str, error: Exception) -> Trouble:
    wrong = "asks for a password" if "HELLO" in str(error) or "NOAUTH" in str(error) else "refuses the password"
    return Trouble(f"the Redis at {where} {wrong}",
                   "Write the user and password into it: redis://user:password@host:6379/0")  # fmt: skip


def _no_redis(where: str, error: Exception) -> Trouble:
    return Trouble(f"what answers at {where} is no Redis, or speaks TLS ({_last_words(error)})",
                   "Correct the address in REDIS_URL; with TLS it begins with rediss://.")  # fmt: skip


def _last_words(error: Exception) -> str:
    text = str(error).strip().splitlines()
    # redis-py repeats the address.
    return re.sub(r"^Error -?\d+ connecting to \S+\. ", "", text[0]).rstrip(".") if text else type(error).__name__


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
