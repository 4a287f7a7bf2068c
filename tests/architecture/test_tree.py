"""Laws 3 to 6 of the tree: thin doors, one way to an object, foreign words outside, no drawers."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.code import PROGRAMS, sources, text, tree

PORTAL = sources("portal")
DOORS = [
    path
    for path in PORTAL
    if path.name in ("consumers.py", "views.py", "tasks.py", "admin.py")
    or {"commands", "admin"} & set(path.parts)
]
DRAWERS = {f"{name}.py" for name in ("utils", "helpers", "common", "misc", "services", "managers")}
MAX_LINES = 400

# What a person owns, and the code that may look it up by id without asking whose it is: it acts for
# nobody, and shows nobody anything.
OWNED = ("Conversation", "Message", "Generation", "ApiKey", "Folder", "Share", "File")
ACTS_FOR_NOBODY = {
    Path("portal/chat/endings.py"),
    Path("portal/chat/reaper.py"),
    Path("portal/chat/recorder.py"),
    Path("portal/chat/keeping.py"),
    Path("portal/chat/settling.py"),
    Path("portal/files/reading.py"),
}
BY_ID = re.compile(
    rf"\b(?:{'|'.join(OWNED)})\.objects(?:\.\w+\([^()]*\))*\.(?:get|filter)\(\s*(?:id|pk)=(?!\w+\.id)"
)

# Field names of Ollama and OpenAI that mean nothing inside.
FOREIGN = ("eval_count", "prompt_eval_count", "eval_duration", "done_reason", "finish_reason")


def test_a_door_holds_no_query():
    assert not [
        (path, node.lineno)
        for path in DOORS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager")
    ]


@pytest.mark.threat("B1")
def test_an_owned_object_is_fetched_by_id_in_access_alone():
    others = [path for path in PORTAL if path.name != "access.py" and path not in ACTS_FOR_NOBODY]

    assert not [(path, BY_ID.findall(text(path))) for path in others if BY_ID.search(text(path))]
    assert not [path for path in others if "get_object_or_404" in text(path)]


def test_foreign_words_stay_in_the_files_named_for_them():
    inside = [
        path for path in (*PORTAL, *sources("inference")) if path.parts[:2] != ("portal", "api")
    ]

    assert not [(path, word) for path in inside for word in FOREIGN if f'"{word}"' in text(path)]


def test_there_are_no_drawers():
    assert not [path for path in sources(*PROGRAMS) if path.name in DRAWERS]


def test_no_module_is_too_long():
    modules = sources(*PROGRAMS, "static/src", endings=(".py", ".ts", ".tsx"))

    assert not [path for path in modules if text(path).count("\n") > MAX_LINES]


def test_every_module_says_what_it_is_for():
    modules = [path for path in sources(*PROGRAMS) if text(path).strip()]

    assert not [path for path in modules if not ast.get_docstring(tree(path))]


@pytest.mark.threat("C9")
def test_no_text_of_an_answer_travels_through_the_channel_layer():
    """What is sent to a group is a closed list of wake-ups: a type and ids."""
    sent = [
        (path, ast.unparse(node))
        for path in PORTAL
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and "group_send" in ast.unparse(node.func)
    ]

    assert sent
    assert not [call for call in sent if re.search(r"text|piece|thinking|delta|content", call[1])]


def test_the_readme_names_the_road_and_every_stop_exists():
    for page in ("README.md", "README.zh-CN.md"):
        stops = re.findall(r"^\| *\d+ *\|.*\|([^|]+)\|$", text(Path(page)), flags=re.MULTILINE)
        files = [file for stop in stops for file in re.findall(r"`([^`]+)`", stop)]
        # The road of an answer, and that of a model.
        assert len(stops) == 13 + 9
        assert not [file for file in files if not Path(file).exists()]
