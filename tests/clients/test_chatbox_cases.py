"""No check case of ChatBox is without its test."""

import ast
from pathlib import Path

import pytest

from portal.ops.parts import ROOT
from tests.clients.chatbox_cases import ELSEWHERE, HERE

CASES = range(1, 27)


def functions_in(file: str) -> set[str]:
    tree = ast.parse(Path(ROOT / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_each_check_case_is_in_the_table_once() -> None:
    assert sorted([*HERE, *ELSEWHERE]) == list(CASES)


@pytest.mark.parametrize("number", HERE)
def test_a_case_has_a_test_that_bears_its_number(number: int) -> None:
    _, file = HERE[number]

    assert [name for name in functions_in(file) if name.startswith(f"test_case_{number:02d}_")]


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_case_that_is_proved_elsewhere_names_a_test_that_is_there(number: int) -> None:
    _, place = ELSEWHERE[number]
    file, _, name = place.partition("::")

    assert name in functions_in(file)
