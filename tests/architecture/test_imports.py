"""Laws 1 and 2 of the tree: who may know whom."""

import re
from pathlib import Path

import pytest

from tests.architecture.code import imports, is_in, sources, text

PORTAL = sources("portal")
INFERENCE = sources("inference")
REDIS_AT_THE_PORTALS_END = Path("portal/streams")
REDIS_AT_THE_WORKERS_END = {Path("inference/inbox.py"), Path("inference/outbox.py")}


def importers(paths: list[Path], *packages: str) -> set[tuple[Path, str]]:
    """Which of these files import anything of these packages."""
    return {
        (path, name)
        for path in paths
        for name in imports(path)
        if any(is_in(name, package) for package in packages)
    }


def test_the_portal_knows_the_contract_and_nothing_else_of_the_worker():
    found = importers(PORTAL, "inference", "llama_cpp")

    assert not {each for each in found if not is_in(each[1], "inference.protocol")}


def test_the_worker_knows_neither_portal_nor_django():
    assert not importers(INFERENCE, "portal", "django", "channels", "celery")


def test_the_engine_library_is_imported_in_one_place():
    users = {path for path, _ in importers(INFERENCE, "llama_cpp")}

    assert users == {Path("inference/engine/llama/library.py")}


def test_redis_is_imported_at_each_end_only():
    users = {path for path, _ in importers([*PORTAL, *INFERENCE], "redis")}

    strays = {path for path in users if REDIS_AT_THE_PORTALS_END not in path.parents}
    assert strays - REDIS_AT_THE_WORKERS_END == set()


def test_the_contract_stands_on_nothing_of_ours():
    found = importers(sources("inference/protocol"), "inference", "portal")

    assert not {each for each in found if not is_in(each[1], "inference.protocol")}


def test_what_both_know_of_model_files_knows_neither_of_them():
    found = importers(sources("gguffile"), "portal", "inference", "django", "llama_cpp", "redis")

    assert not found


@pytest.mark.threat("E18")
def test_the_template_language_knows_nothing_of_ours_and_asks_no_object_for_an_attribute():
    files = sources("gotext")

    assert not importers(files, "portal", "inference", "gguffile", "django", "jinja2", "importlib")
    asking = re.compile(r"\b(?:getattr|setattr|vars|eval|exec|compile|__import__)\(")
    assert not [path for path in files if asking.search(text(path).replace("re.compile(", ""))]


@pytest.mark.threat("G3")
def test_nothing_is_pickled():
    assert not importers([*PORTAL, *INFERENCE], "pickle", "marshal", "dill", "cloudpickle")


def test_the_catalog_opens_no_archives():
    unpackers = ("zipfile", "tarfile", "shutil.unpack_archive", "lzma", "bz2")

    assert not importers(sources("portal/catalog"), *unpackers)
