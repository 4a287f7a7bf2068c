"""What `/set`, `/show` and their like do to a conversation. Not for reading what is typed."""

import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from cli import tables, values
from cli.errors import Failed, NotFound
from cli.talk import Talk
from modelfile.parameters import BadParameter

_THINK_LEVELS = ("low", "medium", "high", "max")

COMMANDS = """Available Commands:
  /set            Set session variables
  /show           Show model information
  /load <model>   Load a session or model
  /save <model>   Save your current session
  /clear          Clear session context
  /list           List the models you may use
  /bye            Exit
  /?, /help       Help for a command
  /? shortcuts    Help for keyboard shortcuts

Use \"\"\" to begin a multi-line message.
"""
ABOUT_PICTURES = "Use {} to include .jpg, .png, .webp images or .wav audio.\n"
SET = """Available Commands:
  /set parameter ...     Set a parameter
  /set system <string>   Set system message
  /set history           Enable history
  /set nohistory         Disable history
  /set wordwrap          Enable wordwrap
  /set nowordwrap        Disable wordwrap
  /set format json       Enable JSON mode
  /set noformat          Disable formatting
  /set verbose           Show LLM stats
  /set quiet             Disable LLM stats
  /set think             Enable thinking
  /set nothink           Disable thinking

"""
SHOW = """Available Commands:
  /show info         Show details for this model
  /show license      Show model license
  /show modelfile    Show Modelfile for this model
  /show parameters   Show parameters for this model
  /show system       Show system message
  /show template     Show prompt template

"""
SHORTCUTS = """Available keyboard shortcuts:
  Ctrl + a            Move to the beginning of the line (Home)
  Ctrl + e            Move to the end of the line (End)
   Alt + b            Move back (left) one word
   Alt + f            Move forward (right) one word
  Ctrl + k            Delete the sentence after the cursor
  Ctrl + u            Delete the sentence before the cursor
  Ctrl + w            Delete the word before the cursor
  Ctrl + j            New line without sending

  Ctrl + l            Clear the screen
  Ctrl + g            Write the message in your editor
  Ctrl + c            Stop the model from responding
  Ctrl + d            Exit ollama (/bye)

""".replace("Exit ollama", "Exit")
PARAMETERS = """Available Parameters:
  /set parameter seed <int>             Random number seed
  /set parameter num_predict <int>      Max number of tokens to predict
  /set parameter top_k <int>            Pick from top k num of tokens
  /set parameter top_p <float>          Pick token based on sum of probabilities
  /set parameter min_p <float>          Pick token based on top token probability * min_p
  /set parameter num_ctx <int>          Set the context size
  /set parameter temperature <float>    Set creativity level
  /set parameter repeat_penalty <float> How strongly to penalize repetitions
  /set parameter repeat_last_n <int>    Set how far back to look for repetitions
  /set parameter num_gpu <int>          The number of layers to send to the GPU
  /set parameter stop <string> <string> ...   Set the stop parameters

"""


class Slashes:
    """`use_history` switches the history of the line that is typed."""

    def __init__(
        self, talk: Talk, *, use_history: Callable[[bool], None], listing: Callable[[str], str]
    ) -> None:
        self._talk = talk
        self._use_history = use_history
        self._listing = listing

    def obey(self, line: str) -> bool:
        """Does what the line says. False when there is no such command."""
        words = line.split()
        for prefix, act in (
            ("/list", self._list),
            ("/load", self._load),
            ("/save", self._save),
            ("/clear", self._clear),
            ("/set", self._set),
            ("/show", self._show),
            ("/help", self._help),
            ("/?", self._help),
        ):
            if words[0].startswith(prefix):
                act(words, line)
                return True
        return False

    # ── Models ───────────────────────────────────────────────────────────────────────────────

    def _list(self, words: Sequence[str], _line: str) -> None:
        sys.stdout.write(self._listing(words[1].lower() if len(words) > 1 else ""))

    def _load(self, words: Sequence[str], _line: str) -> None:
        if len(words) != 2:
            sys.stdout.write("Usage:\n  /load <modelname>\n")
            return
        sys.stdout.write(f"Loading model '{words[1]}'\n")
        sys.stdout.flush()
        try:
            self._talk.switch(words[1])
        except NotFound:
            sys.stdout.write(f"Couldn't find model '{words[1]}'\n")
        except Failed as error:
            sys.stdout.write(f"error: {error}\n")

    def _save(self, words: Sequence[str], _line: str) -> None:
        if len(words) != 2:
            sys.stdout.write("Usage:\n  /save <modelname>\n")
            return
        try:
            for _status in self._talk.server.create(self._talk.saved_as(words[1])):
                pass
        except Failed as error:
            is_bad_name = "invalid model name" in str(error)
            told = f"The model name '{words[1]}' is invalid" if is_bad_name else str(error)
            sys.stdout.write(f"error: {told}\n")
            return
        sys.stdout.write(f"Created new model '{words[1]}'\n")

    def _clear(self, _words: Sequence[str], _line: str) -> None:
        self._talk.forget()
        sys.stdout.write("Cleared session context\n")

    # ── Settings ─────────────────────────────────────────────────────────────────────────────

    def _set(self, words: Sequence[str], line: str) -> None:
        if len(words) < 2:
            _tell(SET)
            return
        match words[1]:
            case "format" | "noformat":
                self._set_format(words)
            case "think" | "nothink":
                self._set_thinking(words)
            case "parameter":
                self._set_parameter(words)
            case "system":
                self._set_system(line)
            case word:
                self._set_mode(word)

    def _set_mode(self, word: str) -> None:
        style = self._talk.style
        match word:
            case "history" | "nohistory":
                self._use_history(word == "history")
                return
            case "wordwrap" | "nowordwrap":
                style.is_wrapped = word == "wordwrap"
            case "verbose" | "quiet":
                style.is_verbose = word == "verbose"
            case _:
                sys.stdout.write(f"Unknown command '/set {word}'. Type /? for help\n")
                return
        sys.stdout.write(f"Set '{word}' mode.\n")

    def _set_format(self, words: Sequence[str]) -> None:
        if words[1] == "noformat":
            self._talk.answer_format = None
            sys.stdout.write("Disabled format.\n")
        elif len(words) > 2 and words[2] == "json":
            self._talk.answer_format = "json"
            sys.stdout.write("Set format to 'json' mode.\n")
        else:
            sys.stdout.write("Invalid or missing format. For 'json' mode use '/set format json'\n")

    def _set_thinking(self, words: Sequence[str]) -> None:
        if not self._talk.can_think:
            _tell(f'warning: model "{self._talk.model}" does not support thinking output\n')
        if words[1] == "nothink":
            self._talk.think = False
            sys.stdout.write("Set 'nothink' mode.\n")
            return
        level = words[2] if len(words) > 2 else ""
        if level and level not in _THINK_LEVELS:
            sys.stdout.write(f"Unknown thinking level '{level}': low, medium, high or max\n")
            return
        self._talk.think = values.think(level)
        sys.stdout.write(f"Set 'think' mode to '{level}'.\n" if level else "Set 'think' mode.\n")

    def _set_parameter(self, words: Sequence[str]) -> None:
        if len(words) < 4:
            _tell(PARAMETERS)
            return
        name, given = words[2], words[3:]
        try:
            self._talk.options[name] = values.parameter(name, given)
        except BadParameter as error:
            sys.stdout.write(f'Couldn\'t set parameter: "{error}"\n')
            return
        sys.stdout.write(f"Set parameter '{name}' to '{', '.join(given)}'\n")

    def _set_system(self, line: str) -> None:
        text = line.split("system", 1)[1].strip()
        if text.startswith('"""'):
            text = text.removeprefix('"""').removesuffix('"""').strip("\n")
        elif len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        if not text:
            _tell(SET)
            return
        self._talk.instruct(text)
        sys.stdout.write("Set system message.\n")

    # ── Looking ──────────────────────────────────────────────────────────────────────────────

    def _show(self, words: Sequence[str], _line: str) -> None:
        if len(words) < 2:
            _tell(SHOW)
            return
        info = self._talk.server.show(self._talk.model)
        match words[1]:
            case "info":
                _tell(tables.shown(info))
            case "license":
                self._text(info.get("license"), "No license was specified for this model.")
            case "modelfile":
                self._text(info.get("modelfile"), "")
            case "template":
                none = "No prompt template was specified for this model."
                self._text(info.get("template"), none)
            case "system":
                text = self._talk.system or info.get("system")
                none = "No system message was specified for this model."
                self._text(f"{text}\n" if text else None, none)
            case "parameters":
                self._show_parameters(info.get("parameters"))
            case other:
                sys.stdout.write(f"Unknown command '/show {other}'. Type /? for help\n")

    def _text(self, text: str | None, otherwise: str) -> None:
        sys.stdout.write(f"{text or otherwise}\n")

    def _show_parameters(self, defined: str | None) -> None:
        sys.stdout.write("Model defined parameters:\n")
        lines = (defined or "").splitlines()
        none = ["No additional parameters were specified for this model."]
        sys.stdout.write("".join(f"  {line}\n" for line in lines or none) + "\n")
        if self._talk.options:
            sys.stdout.write("User defined parameters:\n")
            for name, value in self._talk.options.items():
                shown = " ".join(map(str, value)) if isinstance(value, list) else value
                sys.stdout.write(f"  {name:<30} {shown}\n")
            sys.stdout.write("\n")

    def _help(self, words: Sequence[str], _line: str) -> None:
        topics = {"set": SET, "/set": SET, "show": SHOW, "/show": SHOW}
        topics |= {"shortcut": SHORTCUTS, "shortcuts": SHORTCUTS}
        if len(words) > 1 and words[1] in topics:
            _tell(topics[words[1]])
            return
        _tell(COMMANDS)
        if self._talk.can_see:
            _tell(ABOUT_PICTURES.format("/path/to/file"))
        _tell("\n")


def _tell(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stderr).write(text)
    (stream or sys.stderr).flush()
