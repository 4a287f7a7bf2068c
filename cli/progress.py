"""How far a pull, push or create is, drawn on stderr. Not for what the lines mean.

On a terminal: bars with rate and time left. Elsewhere: each new status once, a line each.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text

from cli import units


class _Amount(ProgressColumn):
    """Percent, size, rate and time left of what has a size; nothing of what has none."""

    def render(self, task: Task) -> Text:
        if not task.total:
            return Text("")
        done = f"{task.percentage:3.0f}%  {units.size(int(task.completed)):>6}"
        if task.finished:
            return Text(f"100%  {units.size(int(task.total)):>6}")
        words = f"{done}/{units.size(int(task.total)):>6}"
        if task.speed:
            words += f"  {units.size(int(task.speed)):>6}/s  {_left(task):>6}"
        return Text(words, style="progress.remaining")


class _Spinner(SpinnerColumn):
    def render(self, task: Task) -> Any:
        return Text("") if task.total or task.finished else super().render(task)


class _Bar(BarColumn):
    def render(self, task: Task) -> Any:
        return super().render(task) if task.total else Text("")


class _Words(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.description)


def show(lines: Iterable[dict[str, Any]]) -> None:
    """Draws until the lines end. What they raise goes on to whoever called."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        _tell(lines, console)
        return
    columns = (_Words(), _Spinner("dots"), _Bar(bar_width=None), _Amount())
    with Progress(*columns, console=console, expand=True) as drawn:
        _draw(lines, drawn)


def _draw(lines: Iterable[dict[str, Any]], drawn: Progress) -> None:
    bars: dict[str, TaskID] = {}
    last: TaskID | None = None
    for line in lines:
        status, total = line.get("status") or "", line.get("total") or 0
        words = _label(line)
        if words not in bars:
            if last is not None and not drawn.tasks[last].total:
                drawn.update(last, total=0, completed=0)
            bars[words] = last = drawn.add_task(words, total=total or None)
        if total and line.get("completed"):
            drawn.update(bars[words], total=total, completed=line["completed"])
        if status == "success":
            drawn.update(bars[words], total=0, completed=0)


def _tell(lines: Iterable[dict[str, Any]], console: Console) -> None:
    told = ""
    for line in lines:
        words = _label(line)
        if words != told:
            console.print(words, markup=False, soft_wrap=True)
            told = words


def _label(line: dict[str, Any]) -> str:
    return f"{line.get('status') or ''}"


def _left(task: Task) -> str:
    seconds = task.time_remaining
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 99:
        return "99h+"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
