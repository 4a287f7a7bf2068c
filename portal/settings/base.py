"""What holds in every environment. Differences are in development, test and production."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url

from portal import configuration
from portal.settings import administration

BASE_DIR = Path(__file__).resolve().parents[2]
PORTAL = configuration.read()
MUST_BE_SAFE = False

INSTALLED_APPS = [
    "daphne",
    "unfold.apps.BasicAppConfig",
    "portal.accounts.admin_app.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "portal.accounts",
    "portal.catalog",
    "portal.chat",
    "portal.order",
    "portal.search",
    "portal.sharing",
    "portal.exchange",
    "portal.audit",
    "portal.presets",
    "portal.context",
    "portal.files",
    "portal.api",
    "portal.ops",
]

# The first three run in the event loop; the rest is for browsers only (portal/key_routes.py).
MIDDLEWARE = [
    "portal.headers.StrictHeaders",
    "portal.key_routes.KeyRoutes",
    "portal.static_files.StaticFiles",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
APPEND_SLASH = False

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
                "portal.accounts.context.open_doors",
            ],
        },
    }
]

# Kept open in the threads that live on; portal/http.py closes those of the threads that do not.
DATABASES = {
    "default": dj_database_url.parse(PORTAL.database_url, conn_max_age=60, conn_health_checks=True)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Immediate: a transaction that reads and later writes would otherwise fail at once, whatever
    # the timeout, when another writer came between (threat H2).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
# allauth's own is Django's ModelBackend too. A second one would hash each wrong password twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

ACCOUNT_ADAPTER = "portal.accounts.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# Per address of the visitor, and per account; counted in the shared cache (threats A1, A2, A5).
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "signup": "20/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = PORTAL.trusted_proxies or 0
MFA_ADAPTER = "portal.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Addresses are given by an administrator; nobody proves them by mail.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.error_pages.stale_form"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86_400
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Where it is not asked for (the trial), an administrator may still turn it on for herself.
IS_ADMIN_SECOND_FACTOR_REQUIRED = bool(PORTAL.is_admin_second_factor_required)
if PORTAL.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "portal.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = PORTAL.home / "static"
STATICFILES_DIRS = [
    *(path for path in (BASE_DIR / "static" / "dist",) if path.is_dir()),
    ("icons", BASE_DIR / "static" / "icons"),
]
# Served from where they lie: what Vite builds carries its hash in its name and its compressed twin
# beside it, so there is nothing to collect.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_USE_STATIC_ROOT = False
SERVESTATIC_ALLOW_ALL_ORIGINS = False
SERVESTATIC_MAX_AGE = 3600

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": PORTAL.redis_url,
        "KEY_PREFIX": "portal:cache",
        # A cache that hangs must not hang a page (threat G7).
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}
# Wake-ups only: the layer drops what does not fit, silently (DESIGN decision 3).
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # The layer waits up to five seconds for a message; redis-py's own limit is as long, and
            # would end each of those waits with an error.
            "hosts": [
                {
                    "address": PORTAL.redis_url,
                    "socket_timeout": 15,
                    "socket_connect_timeout": 2,
                }
            ],
            "prefix": "portal:layer",
            "expiry": 30,
        },
    }
}

CELERY_BROKER_URL = PORTAL.redis_url.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": "portal:celery:",
    "visibility_timeout": 43_200,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    "catalog.note_loaded": {"task": "catalog.note_loaded", "schedule": 60.0},
    "catalog.publish_pins": {"task": "catalog.publish_pins", "schedule": 60.0},
    "catalog.sync": {"task": "catalog.sync", "schedule": 3600.0},
    "catalog.prune": {"task": "catalog.prune", "schedule": 6 * 3600.0},
    "catalog.forget_uploads": {"task": "catalog.forget_uploads", "schedule": 3600.0},
    "files.forget": {"task": "files.forget", "schedule": 3600.0},
    # As the sweep of jobs below: the next one says the same.
    "files.wake_late": {"task": "files.wake_late", "schedule": 30.0, "options": {"expires": 30.0}},
    # A turn that nobody took is left out: they must not pile up behind a long one.
    "catalog.check_in_turn": {
        "task": "catalog.check_in_turn",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    # Forgotten unless somebody takes it soon: the next one says the same.
    "catalog.sweep_jobs": {
        "task": "catalog.sweep_jobs",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024


UNFOLD = administration.UNFOLD

_mail = urlsplit(PORTAL.smtp_url)
HAS_MAIL_SERVER = bool(PORTAL.smtp_url)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = PORTAL.mail_from or f"portal@{urlsplit(PORTAL.address).hostname}"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "portal.logs.ScrubbingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "filters": {"telling": {"()": "portal.logs.TellingOnly"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["telling"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Django gives these handlers of its own, which would write each line a second time, unscrubbed.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
