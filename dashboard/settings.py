"""Django settings. The environment is read here, once; other modules get values."""

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from dashboard.secret_key import secret_key
from engine.config import Config, ConfigError, database_options, from_environment
from engine.database import postgres, sqlite

# Only the product's own account may read what it writes. SQLite gives its log the mode of the database.
os.umask(0o077)
SQLITE_VERSION = sqlite.use_safe_sqlite()
BASE_DIR = Path(__file__).resolve().parent.parent


def _words(name: str, form: str, example: str) -> list[str]:
    """Return the words that a variable lists. Raises ConfigError for a word that does not match `form` and would
    never match anything."""
    found = os.environ.get(name, "").replace(",", " ").split()
    for word in found:
        if not re.fullmatch(form, word):
            raise ConfigError(f'{name} contains "{word}"; the format is {example}.')
    return found


try:
    INTERLOCK: Config = from_environment(os.environ)
    SECRET_KEY = secret_key(INTERLOCK.home)
    # This machine may always connect: `up` checks /readyz, and its users open the pages.
    ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    ALLOWED_HOSTS += _words("ALLOWED_HOSTS", r"\*|\.?[\w.-]+|\[[0-9a-fA-F:]+\]", "flows.example.org")
    CSRF_TRUSTED_ORIGINS = _words("CSRF_TRUSTED_ORIGINS", r"https?://[\w.*:\[\]-]+", "https://flows.example.org")
except ConfigError as error:
    sys.exit(f"interlock: {error}")


def _process_name(argv: list[str]) -> str:
    """Return what this process is, for the server's list of connections: web, scheduler, or the command's name."""
    program = Path(argv[0])
    name = program.parent.name if program.stem == "__main__" else program.stem
    if name in ("manage", "interlock", "child"):
        return argv[1] if len(argv) > 1 else name
    return "web" if name in ("uvicorn", "gunicorn", "hypercorn", "daphne") else name


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "engine.database.sqlite_backend",
            "NAME": str(INTERLOCK.database_file),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": sqlite.pragmas(SQLITE_VERSION),
            },
            "TEST": {"NAME": str(INTERLOCK.home / "test.sqlite3")},
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": f"interlock-{_process_name(sys.argv)}",
            "connect_timeout": round(postgres.CONNECT_SECONDS_MAX),
            **postgres.KEEPALIVE,
            **database_options(url),
        },
    }


DEBUG = False
if INTERLOCK.trust_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "engine",
    "versions",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dashboard.serving.built_files.BuiltFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.pages.base.method_not_allowed_page",
]

ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.pages.context.frame",
            ],
        },
    }
]

DATABASES = {"default": _database(INTERLOCK.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _channel_layer() -> dict[str, Any]:
    if INTERLOCK.redis_url:
        from dashboard.live.channel_layer import host
        from engine.hints.redis_client import prefix

        return {
            "BACKEND": "dashboard.live.channel_layer.Layer",
            "CONFIG": {"hosts": [host(INTERLOCK.redis_url)], "prefix": prefix(INTERLOCK) + "layer:"},
        }
    return {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        # Few messages need to be stored: sockets take them at once, and a lost hint is replaced by polling. Sockets
        # join again every few seconds, so a member that has not for five minutes is gone.
        "CONFIG": {"capacity": 100, "expiry": 60, "group_expiry": 300},
    }


CHANNEL_LAYERS = {"default": _channel_layer()}

AUTH_USER_MODEL = "dashboard.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
SESSION_ENGINE = "dashboard.sessions"
# localhost shares cookies between ports: these names keep two products on one machine apart.
SESSION_COOKIE_NAME = "interlock_session"
CSRF_COOKIE_NAME = "interlock_csrf"
LANGUAGE_COOKIE_NAME = "interlock_language"
MESSAGE_STORAGE = "dashboard.pages.notices.Notices"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # Only the code editor adds styles at run time; pages without it have no nonce.
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hant", _("Traditional Chinese"))]
LOCALE_PATHS = [BASE_DIR / "dashboard" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
# Only built files are served, not the sources and tooling beside them.
STATICFILES_DIRS = [BASE_DIR / "static" / "dist", BASE_DIR / "static" / "img"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
# Chunks and fonts have a content hash in their name, so browsers may cache them forever.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/(fonts/)?[\w.-]+-[\w-]{8}\.(js|woff2)$"

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "dashboard.api.authentication.BearerTokenAuthentication",
        "dashboard.api.authentication.PageSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["dashboard.api.permissions.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "dashboard.api.problems.exception_handler",
    # Otherwise DRF would interpret ?format= itself and answer 404 for csv.
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "NodeRunStateEnum": "dashboard.api.shapes.NODE_STATE",
        "RunStateEnum": "dashboard.api.shapes.RUN_STATE",
        "ResourceScopeEnum": "dashboard.api.diagnostics.SCOPES",
    },
    "TITLE": "Interlock",
    "DESCRIPTION": "Define, version, run, watch and roll back data-processing workflows. "
    "A body with a NUL character in a text is refused (400 `nul_character`).",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Otherwise Swagger UI would send the document to a validator on the internet.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,
    # PATCH bodies say themselves what they require; separate copies would say that nothing is required.
    "COMPONENT_SPLIT_PATCH": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "dashboard.server_log.Line"}},
    "filters": {"bad_hosts": {"()": "dashboard.server_log.BadHosts"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "interlock": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"filters": ["bad_hosts"]},
        # It would log an error with a traceback every second; `dashboard.live.channel_layer` logs it once.
        "channels_redis": {"level": "CRITICAL"},
    },
}
