"""Every setting, command, frame and refusal in the code is in its page, and the reverse."""

import re
from pathlib import Path
from typing import get_args

import pytest

from portal.chat import errors, frames
from tests.architecture.code import sources, text

OPERATOR = text(Path("docs/operator.md"))
WEBSOCKET = text(Path("docs/websocket.md"))
VARIABLE = re.compile(
    r"[\"'`]((?:PORTAL|OLLAMA|INFERENCE)_[A-Z0-9_]+|DATABASE_URL|REDIS_URL)[\"'`]"
)


def variables_in_code() -> set[str]:
    found = set()
    for path in (Path("portal/configuration.py"), *sources("inference")):
        found |= set(VARIABLE.findall(text(path)))
    return found


def variables_in_page() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)`", OPERATOR, flags=re.MULTILINE))


def test_the_operators_page_names_every_setting_and_no_other():
    assert variables_in_page() == variables_in_code()


def test_the_operators_page_names_every_command():
    commands = {path.stem for path in sources("portal") if path.parent.name == "commands"}

    assert not [name for name in commands - {"__init__"} if f"manage.py {name}" not in OPERATOR]


def client_frames() -> set[str]:
    return {str(each.__struct_config__.tag) for each in get_args(frames.Command)}


def test_the_websocket_page_names_every_frame_of_the_browser_and_no_other():
    named = set(
        re.findall(r"^\| `([a-z.]+)` \|", WEBSOCKET.partition("## From the server")[0], re.M)
    )

    assert named == client_frames()


@pytest.mark.parametrize(
    "frame",
    [
        *("welcome", "conversations", "conversation", "sent", "waits", "ok", "pong"),
        *("delta", "status", "changed", "models", "refusal"),
        *("settings", "presets", "preset", "templates", "template", "standings", "about"),
        "context",
        *("folders", "temporary", "found", "shares", "received", "shared", "file.changed"),
    ],
)
def test_the_websocket_page_names_every_frame_of_the_server(frame):
    assert f"| `{frame}` |" in WEBSOCKET.partition("## From the server")[2]


def test_the_websocket_page_names_every_refusal():
    codes = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.ChatError)
        and kind is not errors.ChatError
    }

    assert not [code for code in codes if f"`{code}`" not in WEBSOCKET]
