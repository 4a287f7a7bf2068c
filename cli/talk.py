"""A conversation: what was said, and how the next answer is asked for. Not for typing."""

from dataclasses import dataclass, field
from typing import Any

from cli import answers
from cli.answers import Answer, Style
from cli.errors import Failed
from cli.interrupts import Heard
from cli.server import Fields, Server
from cli.values import Think

Message = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Talk:
    """With one model at a time; another one begins anew."""

    server: Server
    model: str
    info: Fields
    style: Style
    keep_alive: str = ""
    answer_format: Any = None
    think: Think | None = None
    system: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    ear: Heard | None = None

    @property
    def can_see(self) -> bool:
        return "vision" in (self.info.get("capabilities") or [])

    @property
    def can_think(self) -> bool:
        return "thinking" in (self.info.get("capabilities") or [])

    @property
    def _usual_think(self) -> Think | None:
        """What a model does when nobody said how."""
        return True if self.can_think else None

    def load(self) -> None:
        """Into the server's memory, so that the first answer does not wait for it."""
        wanted = {"model": self.model, "keep_alive": self.keep_alive or None, "think": self.think}
        filled = {name: value for name, value in wanted.items() if value is not None}
        for _part in self.server.generate(filled):
            pass

    def switch(self, model: str) -> None:
        """Talk with another model from the beginning, with what was set.

        Raises what the server refuses, and changes nothing then.
        """
        info = self.server.show(model)
        before = (self.info, self.model, self.messages, self.think)
        was_usual = self.think == self._usual_think
        self.info, self.model = info, model
        if was_usual:
            self.think = self._usual_think
        self.forget()
        try:
            self.load()
        except Failed:
            self.info, self.model, self.messages, self.think = before
            raise

    def instruct(self, text: str) -> None:
        """A system message from here on; it replaces one that was given just now."""
        if self.messages and self.messages[-1]["role"] == "system":
            self.messages.pop()
        self.system = text
        self.messages.append({"role": "system", "content": text})

    def forget(self) -> None:
        """Everything but the system message."""
        self.messages = []
        if self.system:
            self.messages.append({"role": "system", "content": self.system})

    def ask(self, text: str, images: tuple[bytes, ...] = ()) -> Answer:
        """Asks, shows the answer as it comes, and keeps it once it is whole."""
        message: Message = {"role": "user", "content": text}
        if images:
            message["images"] = list(images)
        self.messages.append(message)
        asked = {
            "model": self.model,
            "messages": self.messages,
            "format": self.answer_format,
            "think": self.think,
            "options": self.options or None,
            "keep_alive": self.keep_alive or None,
        }
        filled = {name: value for name, value in asked.items() if value is not None}
        parts = self.server.chat(filled)
        try:
            answer = answers.show(self.ear.until(parts) if self.ear else parts, style=self.style)
        except Failed:
            self.messages.remove(message)  # or it would be asked again with the next one
            raise
        self.messages.append(_kept(answer))
        return answer

    def saved_as(self, name: str) -> Fields:
        """The request that keeps all this as a model of its own."""
        wanted: Fields = {
            "model": name,
            "from": (self.info.get("details") or {}).get("parent_model") or self.model,
        }
        said = [each for each in self.messages if each["role"] != "system"]
        for field_name, value in (
            ("system", self.system),
            ("parameters", self.options),
            ("messages", [*(self.info.get("messages") or []), *said]),
        ):
            if value:
                wanted[field_name] = value
        return wanted


def _kept(answer: Answer) -> Message:
    message: Message = {"role": "assistant", "content": answer.content}
    if answer.thinking:
        message["thinking"] = answer.thinking
    if answer.calls:
        message["tool_calls"] = answer.calls
    return message
