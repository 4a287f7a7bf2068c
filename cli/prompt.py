"""The interactive prompt: lines are typed, answers come. Not for what the commands do."""

import os
import signal
import sys
from collections.abc import Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.console import Console

from cli import answers, listing, pictures, settings
from cli.errors import Failed
from cli.interrupts import Heard
from cli.slashes import Slashes
from cli.talk import Talk

_PROMPT, _GOES_ON = ">>> ", "... "
_QUOTES = '"""'
_TAB = " " * 8


class _Kept(History):
    """A line a file, the last hundred; nothing while switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.is_on = settings.wants_history()
        self._lines = settings.history_lines()

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._lines)

    def store_string(self, string: str) -> None:
        if not self.is_on:
            return
        self._lines += [line for line in string.splitlines() if line.strip()]
        settings.keep_history(self._lines)


def converse(talk: Talk) -> None:
    """Until `/bye` or Ctrl-D on an empty line."""
    # What a shell started in the background is deaf to Ctrl-C; an answer must stop all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _load(talk)
    _show_stored(talk)
    ear = talk.ear = Heard(hang_up=talk.server.hang_up, pick_up=talk.server.pick_up)
    signal.signal(signal.SIGINT, ear.come)
    history = _Kept()

    def use_history(is_on: bool) -> None:
        history.is_on = is_on

    slashes = Slashes(
        talk,
        use_history=use_history,
        listing=lambda prefix: listing.models(talk.server, prefix=prefix),
    )
    session: PromptSession[str] = PromptSession(
        history=history, key_bindings=_keys(ear), enable_suspend=True, multiline=False
    )
    while True:
        try:
            line = _typed(session)
        except KeyboardInterrupt:
            sys.stdout.write("\nUse Ctrl + d or /bye to exit.\n")
            continue
        except EOFError:
            sys.stdout.write("\n")
            return
        if line.startswith(("/bye", "/exit")):
            return
        _take(line, talk, slashes, ear)


def _load(talk: Talk) -> None:
    console = Console(stderr=True)
    with console.status("", spinner="dots"):
        talk.load()


def _show_stored(talk: Talk) -> None:
    for message in talk.info.get("messages") or []:
        if message["role"] == "user":
            sys.stdout.write(f"{_PROMPT}{message['content']}\n")
        elif message["role"] == "assistant":
            sys.stdout.write(f"{message['content']}\n\n")


def _typed(session: "PromptSession[str]") -> str:
    """One message; between triple quotes it has several lines."""
    line = _read(session, _PROMPT, hint="Send a message (/? for help)")
    lead, quotes, rest = line.partition(_QUOTES)
    if not quotes or (lead.strip() and not lead.startswith("/set system")):
        return line
    text = rest
    while not text.rstrip().endswith(_QUOTES):
        text += "\n" + _read(session, _GOES_ON, hint="Press Enter to send")
    text = text.rstrip().removesuffix(_QUOTES)
    return f"{lead}{_QUOTES}{text}{_QUOTES}" if lead.strip() else text


def _read(session: "PromptSession[str]", prompt: str, *, hint: str) -> str:
    # While a line is typed Ctrl-C is a key; from Enter on it is a signal, and ours.
    return session.prompt(prompt, placeholder=_hint(hint), handle_sigint=False)


def _take(line: str, talk: Talk, slashes: Slashes, ear: Heard) -> None:
    if not line.strip():
        return
    try:
        with ear.minded():
            _obey_or_ask(line, talk, slashes)
    except KeyboardInterrupt:
        sys.stdout.write("\n\n")
    except (Failed, pictures.NotAPicture) as error:
        sys.stderr.write(f"Error: {error}\n")


def _obey_or_ask(line: str, talk: Talk, slashes: Slashes) -> None:
    if not line.startswith("/") or (talk.can_see and pictures.is_path(line)):
        _ask(line, talk)
    elif not slashes.obey(line):
        sys.stdout.write(f"Unknown command '{line.split()[0]}'. Type /? for help\n")


def _ask(line: str, talk: Talk) -> None:
    images: tuple[bytes, ...] = ()
    if talk.can_see:
        taken = pictures.taken_from(line)
        sys.stderr.write("".join(f"{told}\n" for told in taken.told))
        line, images = taken.text, taken.images
    answer = talk.ask(line, images)
    sys.stdout.write("\n\n")
    sys.stdout.flush()
    if talk.style.is_verbose:
        answers.tell_statistics(answer.last)


def _keys(ear: Heard) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=has_focus(DEFAULT_BUFFER))
    def _(event: KeyPressEvent) -> None:
        ear.forget()
        event.current_buffer.validate_and_handle()

    @keys.add("tab")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(_TAB)

    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-g")
    def _(event: KeyPressEvent) -> None:
        if own := os.environ.get("OLLAMA_EDITOR"):
            os.environ["VISUAL"] = own
        event.current_buffer.open_in_editor(validate_and_handle=False)

    return keys


def _hint(words: str) -> HTML:
    return HTML("<style fg='ansibrightblack'>{}</style>").format(words)
