"""What the portal consists of when it runs: one command a part. Starts nothing itself.

`docker-compose.yml` and `deploy/systemd/` run the same commands; tests/deploy compares them.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from portal.configuration import Configuration
from portal.ops import valkey

ROOT = Path(__file__).resolve().parents[2]

Wave = Literal["data", "serving", "background"]

MAX_FRAME_BYTES = 256 * 1024

# The worker has no rights: no database, no secret key, no password reaches it (DESIGN decision 7).
WORKER_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PORTAL_HOME", "REDIS_URL")
WORKER_PREFIXES = ("OLLAMA_", "INFERENCE_", "CUDA_", "GGML_", "LLAMA_", "OMP_", "LD_", "PYTHON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of the group.

    Waves start in the order data, serving, background. Parts end by `end_rank`, lowest first, each
    rank within its `stop_seconds`; whoever is still there then is killed.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    wave: Wave = "serving"
    end_rank: int = 0
    stop_seconds: float = 5.0


def parts(
    configuration: Configuration, *, environment: Mapping[str, str], python: str = sys.executable
) -> tuple[Part, ...]:
    """Everything that `make run` keeps alive, in the order it starts."""
    ours = portal_environment(configuration, environment=environment)
    own_valkey = (
        () if environment.get("REDIS_URL") else (valkey_part(configuration, environment=ours),)
    )
    return (
        *own_valkey,
        Part(name="web", command=web_command(configuration, python=python), environment=ours),
        Part(
            name="recorder",
            command=(python, "manage.py", "recorder"),
            environment=ours,
            end_rank=2,
        ),
        Part(
            name="inference",
            command=(python, "-m", "inference"),
            environment={
                # Whoever presses Ctrl-C does not want to wait for answers to finish.
                "INFERENCE_GRACE_SECONDS": "2",
                **worker_environment(ours),
            },
            end_rank=1,
            stop_seconds=8.0,
        ),
        Part(
            name="celery",
            command=celery_command(python=python),
            # It warns of root in ten lines; whoever tries the portal in a container is root.
            environment={"PYTHONWARNINGS": "ignore::UserWarning:celery.platforms", **ours},
            wave="background",
        ),
        Part(
            name="jobs",
            command=jobs_command(python=python),
            environment={"PYTHONWARNINGS": "ignore::UserWarning:celery.platforms", **ours},
            wave="background",
        ),
        Part(
            name="beat",
            command=beat_command(configuration.home, python=python),
            environment=ours,
            wave="background",
        ),
    )


def valkey_part(configuration: Configuration, *, environment: Mapping[str, str]) -> Part:
    return Part(
        name="valkey",
        command=valkey.command(configuration.home),
        environment=worker_environment(environment),
        wave="data",
        end_rank=3,
    )


def web_command(configuration: Configuration, *, python: str) -> tuple[str, ...]:
    """Daphne, with every limit that is off or generous by default set.

    `--http-timeout` ends a request as a whole, streams too, so it is the longest answer we allow
    and no guard against slow clients; those meet the proxy's limits (threat C6).
    """
    return (
        *(python, "-m", "daphne"),
        *("-b", configuration.bind_host, "-p", str(configuration.bind_port)),
        *_ollama_endpoint(configuration),
        *("-v", "0", "--access-log", "/dev/null", "--no-server-name"),
        *("--http-timeout", "43200", "--application-close-timeout", "10"),
        *("--websocket_timeout", "86400", "--websocket_connect_timeout", "10"),
        *("--websocket-max-message-size", str(MAX_FRAME_BYTES)),
        *("--websocket-max-frame-size", str(MAX_FRAME_BYTES)),
        # A tab says something every 25 s; this is for those that vanished without a word.
        *("--ping-interval", "45", "--ping-timeout", "30"),
        *(("--proxy-headers",) if configuration.trusted_proxies else ()),
        "portal.asgi:application",
    )


def celery_command(*, python: str) -> tuple[str, ...]:
    """Threads, since the tasks wait for disks and networks; and no grandchildren to lose."""
    return (
        *(python, "-m", "celery", "-A", "portal", "--quiet", "worker"),
        *("--hostname", "celery@%h"),
        *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )


def jobs_command(*, python: str) -> tuple[str, ...]:
    """Pulls and other work of hours: a queue of their own, so that nothing brief waits for them.

    One message a thread and none held back: what waits, any other worker of this kind may take.
    """
    return (
        *(python, "-m", "celery", "-A", "portal", "--quiet", "worker"),
        *("--queues", "jobs", "--hostname", "jobs@%h", "--prefetch-multiplier", "1"),
        *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )


def beat_command(home: Path, *, python: str) -> tuple[str, ...]:
    return (
        *(python, "-m", "celery", "-A", "portal", "--quiet", "beat"),
        *("--schedule", str(home / "beat-schedule"), "--pidfile", "", "--loglevel", "INFO"),
    )


def portal_environment(
    configuration: Configuration, *, environment: Mapping[str, str]
) -> dict[str, str]:
    """What the Django parts see: the operator's environment with every default written out."""
    return {
        **environment,
        "DJANGO_SETTINGS_MODULE": environment.get("DJANGO_SETTINGS_MODULE")
        or "portal.settings.development",
        "PORTAL_HOME": str(configuration.home),
        "OLLAMA_MODELS": str(configuration.models),
        "REDIS_URL": configuration.redis_url,
        "DATABASE_URL": configuration.database_url,
        "PYTHONUNBUFFERED": "1",
    }


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name in WORKER_VARIABLES or name.startswith(WORKER_PREFIXES)
    }


def _ollama_endpoint(configuration: Configuration) -> tuple[str, ...]:
    if configuration.ollama_bind is None:
        return ()
    host, port = configuration.ollama_bind
    return ("-e", f"tcp:port={port}:interface={host.replace(':', chr(92) + ':')}")
