"""Checks whether the Redis that REDIS_URL names can be used, and describes what is wrong for people."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis

from engine.config import Config
from engine.hints.redis_client import ERRORS, connect, prefix

ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class RedisProblem:
    """What is wrong with Redis, and what to do. Neither text contains a password."""

    found: str
    advice: str
    is_warning: bool = False
    """Whether hints are delivered in spite of it."""

    def __str__(self) -> str:
        return f"REDIS_URL: {self.found}. {self.advice}"


def find_problem(config: Config) -> RedisProblem | None:
    """Return why Redis cannot be used; None if it can. Waits a few seconds at most."""
    where = _address(config.redis_url)
    try:
        with connect(config, "check", ANSWER_SECONDS) as client:
            client.ping()
            client.publish(prefix(config) + "check", b"")
            client.set(prefix(config) + "check", b"", ex=1)
    except redis.AuthenticationError as error:
        return _refused(where, error)
    except redis.exceptions.NoPermissionError as error:
        return RedisProblem(
            f"the user lacks permissions at {where} ({error})",
            "Allow it to publish, subscribe and write, or use another user in REDIS_URL.",
        )
    except redis.OutOfMemoryError:
        return RedisProblem(
            f"the Redis at {where} is full (maxmemory)",
            "Give it more memory, or delete keys that are not needed.",
            is_warning=config.executor != "celery",
        )
    except redis.ReadOnlyError:
        return RedisProblem(f"the Redis at {where} is a read-only replica", "Use the primary in REDIS_URL.")
    except redis.BusyLoadingError:
        return RedisProblem(f"the Redis at {where} is still loading its data", "Try again in a moment.")
    except redis.TimeoutError:
        return RedisProblem(
            f"{where} does not respond within {ANSWER_SECONDS:.0f} s",
            "Check the address in REDIS_URL, the firewall, and that the server is a Redis.",
        )
    except redis.ConnectionError as error:
        if "certificate" in str(error):
            return RedisProblem(
                f"the certificate of the Redis at {where} is not trusted ({_summary(error)})",
                "Add its certificate authority to REDIS_URL: ?ssl_ca_certs=/path/to/ca.pem",
            )
        if "closed" in str(error).lower() or "reset" in str(error):
            return _not_redis(where, error)
        return RedisProblem(
            f"the Redis at {where} is unreachable ({_summary(error)})",
            "Check the address in REDIS_URL, and that the server is running.",
        )
    except redis.ResponseError as error:
        # A server that wants a password and got none answers with an error of this class.
        if "NOAUTH" in str(error) or "AUTH" in str(error).upper():
            return _refused(where, error)
        if "DB index" in str(error):
            return RedisProblem(
                f"the Redis at {where} has no database with that number",
                "Use a smaller number after the last / of REDIS_URL.",
            )
        return _not_redis(where, error)
    except ERRORS as error:
        return _not_redis(where, error)
    return None


def eviction_policy(config: Config) -> str:
    """Return the policy by which a full Redis evicts keys, Celery's messages among them.

    Empty if it evicts nothing or refuses to give its policy.
    """
    try:
        with connect(config, "check", ANSWER_SECONDS) as client:
            memory = client.info("memory")
    except ERRORS:
        return ""
    policy = str(memory.get("maxmemory_policy", "")) if isinstance(memory, dict) else ""
    return "" if policy == "noeviction" else policy


def _refused(where: str, error: Exception) -> RedisProblem:
    wrong = "requires a password" if "HELLO" in str(error) or "NOAUTH" in str(error) else "refuses the password"
    return RedisProblem(
        f"the Redis at {where} {wrong}", "Add the user and password to REDIS_URL: redis://user:password@host:6379/0"
    )


def _not_redis(where: str, error: Exception) -> RedisProblem:
    return RedisProblem(
        f"the server at {where} is not a Redis, or requires TLS ({_summary(error)})",
        "Correct the address in REDIS_URL; for TLS it begins with rediss://.",
    )


def _summary(error: Exception) -> str:
    text = str(error).strip().splitlines()
    # redis-py repeats the address.
    return re.sub(r"^Error -?\d+ connecting to \S+\. ", "", text[0]).rstrip(".") if text else type(error).__name__


def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
