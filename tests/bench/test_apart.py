"""The benchmark looks at the portal from outside; nothing that people run needs it."""

from tests.architecture.code import imports, sources


def test_nothing_that_people_run_imports_the_benchmark():
    run = sources("portal", "inference", "setup")

    assert not [
        path for path in run if any(name.split(".")[0] == "bench" for name in imports(path))
    ]


def test_the_engine_in_process_needs_nothing_of_the_portal():
    reached = {"bench/inprocess.py", "bench/prompts.py", "bench/figures.py"}

    for path in sources("bench"):
        if str(path) in reached:
            assert not [name for name in imports(path) if name.split(".")[0] == "portal"]
