"""`python -m bench.pull`: the registry client beside `curl | sha256sum`, for one large file.

Both fetch over loopback from Debian's docker-registry, in turn. Ours also writes the file, syncs it
and leaves it ready to publish, so curl writing it is shown as a third figure. Not part of `make
bench`: it needs the registry's program and as much disk as three such files.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from portal.catalog.names import Digest, ModelName
from portal.catalog.storage.manifest import WEIGHTS_TYPE, Layer
from setup.screen import Screen

BLOCK_BYTES = 64 * 1024 * 1024
GOAL = 0.8
START_SECONDS = 20.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pull", description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="how large the file is")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    told = parser.parse_args(arguments)
    told.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pull-", dir=told.folder)).resolve()
    try:
        return _measure(folder, mib=told.mib, rounds=told.rounds, screen=Screen())
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, *, mib: int, rounds: int, screen: Screen) -> int:
    layer = _lay_out(folder, mib=mib)
    with _registry(folder) as host:
        url = f"http://{host}/v2/me/large/blobs/{layer.digest}"
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda: _ours(host, layer, folder, screen=screen),
            "curl | sha256sum": lambda: _shell(f"curl -s {url} | sha256sum"),
            "curl to a file, synced": lambda: _to_file(url, folder),
        }
        took: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                took[name].append(sides[name]())
                rate = mib / took[name][-1]
                screen.say(f"round {number + 1}, {name}: {took[name][-1]:.2f} s, {rate:.0f} MiB/s")
    pairs = zip(took["curl | sha256sum"], took["ours"], strict=True)
    ratios = [theirs / mine for theirs, mine in pairs]
    screen.say(
        f"speed beside curl | sha256sum: {statistics.median(ratios):.2f} × (goal {GOAL} ×);"
        f" rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
    )
    return 0


def _lay_out(folder: Path, *, mib: int) -> Layer:
    """A registry's storage with one file in it, as if it had been pushed."""
    hasher = hashlib.sha256()
    written = folder / "file"
    block = bytearray(os.urandom(BLOCK_BYTES))
    with written.open("wb") as file:
        for number in range(mib * 1024 * 1024 // BLOCK_BYTES):
            block[:8] = number.to_bytes(8, "little")
            file.write(block)
            hasher.update(block)
    digest = Digest(hasher.hexdigest())
    root = folder / "data" / "docker" / "registry" / "v2"
    blob = root / "blobs" / "sha256" / digest.hex[:2] / digest.hex / "data"
    link = root / "repositories" / "me" / "large" / "_layers" / "sha256" / digest.hex / "link"
    for path in (blob, link):
        path.parent.mkdir(parents=True)
    written.rename(blob)
    link.write_text(str(digest))
    return Layer(media_type=WEIGHTS_TYPE, digest=digest, size_bytes=blob.stat().st_size)


@contextmanager
def _registry(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": host},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            ["/usr/bin/docker-registry", "serve", "config.yml"], cwd=folder, stderr=log, stdout=log
        )
    try:
        _wait_for(host)
        yield host
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(host: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            httpx.get(f"http://{host}/v2/", trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the registry did not start")


def _ours(host: str, layer: Layer, folder: Path, *, screen: Screen) -> float:
    """In a process of its own, so that its memory is its own."""
    told = folder / "figures.json"
    child = multiprocessing.get_context("spawn").Process(
        target=_pull, args=(host, layer, folder, told)
    )
    child.start()
    child.join()
    seconds, processor, before, after = json.loads(told.read_text())
    screen.say(
        f"  ours: {processor:.2f} s of processor time;"
        f" memory {before / 1024:.0f} MiB before, {after / 1024:.0f} MiB at most"
    )
    return float(seconds)


def _pull(host: str, layer: Layer, folder: Path, told: Path) -> None:
    from portal.catalog.registry import Registry, Rules

    into = folder / "staged"
    into.mkdir(exist_ok=True)
    registry = Registry(Rules(registries=(host,)))
    name = ModelName(host, "me", "large", "latest")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    staged = registry.fetch(name, layer, into=into, told=lambda there: None)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    staged.path.unlink()
    registry.forget(layer.digest, into=into)
    processor = used.ru_utime + used.ru_stime
    told.write_text(json.dumps([seconds, processor, before, used.ru_maxrss]))


def _shell(command: str) -> float:
    begun = time.monotonic()
    subprocess.run(["/bin/sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def _to_file(url: str, folder: Path) -> float:
    target = folder / "copy"
    took = _shell(f"curl -s -o {target} {url} && sync {target}")
    target.unlink()
    return took


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
