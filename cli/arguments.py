"""Click, with the words and exit codes that people know from Ollama. Not for any command."""

import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from cli.errors import Failed

# What every command looks at; the widest name has this many columns in their list.
_ENVIRONMENT = (
    ("PORTAL_HOST", "Address of the portal (default: where 'portal login' signed in)"),
    ("PORTAL_KEY", "Key of yours"),
)
_NAME_COLUMNS = 27


class Command(click.Command):
    """A command that says at the end of its help which variables it looks at."""

    def __init__(
        self, *args: Any, environment: Sequence[tuple[str, str]] = (), **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._environment = (*_ENVIRONMENT, *environment)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\nEnvironment Variables:\n")
        for name, words in self._environment:
            formatter.write(f"      {name:<{_NAME_COLUMNS}}   {words}\n")


class Commands(click.Group):
    """A group whose mistakes read `Error: …`, exit code 1, without a page of usage."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None:
            raise Failed(_unknown(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def run(commands: click.Group, arguments: Sequence[str]) -> int:
    """The exit code."""
    try:
        commands.main(args=_spelt_out(arguments), prog_name="portal", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.ClickException as error:
        return _complain(_words(error))
    except Failed as error:
        return _complain(str(error))
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\n")
        return 0
    return 0


class WholeNumber(click.ParamType[int]):
    """An int whose refusal reads as people know it."""

    name = "int"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            flag = param.opts[0] if param else ""
            raise Failed(
                f'invalid argument "{value}" for "{flag}" flag:'
                f' strconv.ParseInt: parsing "{value}": invalid syntax'
            ) from None


def exactly(count: int, *, shown: str = "") -> Callable[[Any], Any]:
    refusal = f"accepts {count} arg(s), received {{}}"
    return _words_argument(lambda given: given == count, refusal, shown=shown)


def at_least(count: int, *, shown: str) -> Callable[[Any], Any]:
    refusal = f"requires at least {count} arg(s), only received {{}}"
    return _words_argument(lambda given: given >= count, refusal, shown=shown)


def at_most(count: int, *, shown: str) -> Callable[[Any], Any]:
    refusal = f"accepts at most {count} arg(s), received {{}}"
    return _words_argument(lambda given: given <= count, refusal, shown=shown)


def _words_argument(
    holds: Callable[[int], bool], refusal: str, *, shown: str
) -> Callable[[Any], Any]:
    """The words of a command as `words`, of which there must be the right number."""

    def check(_ctx: click.Context, _parameter: click.Parameter, words: Any) -> Any:
        if not holds(len(words)):
            raise Failed(refusal.format(len(words)))
        return words

    return click.argument("words", nargs=-1, callback=check, metavar=shown)


def _spelt_out(arguments: Sequence[str]) -> list[str]:
    """`--think` alone means true; a value needs `=`, or the next word would be taken for one."""
    spelt = list(arguments)
    until = spelt.index("--") if "--" in spelt else len(spelt)
    return [
        "--think=true" if word == "--think" and place < until else word
        for place, word in enumerate(spelt)
    ]


def _words(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption(option_name=name) if not name.startswith("--"):
            return f"unknown shorthand flag: '{name[1:2]}' in {name}"
        case click.NoSuchOption():
            return f"unknown flag: {error.option_name}"
        case click.BadOptionUsage():
            return f"flag needs an argument: {error.option_name}"
        case click.BadParameter(param=click.Option() as option):
            return f'invalid argument for "{option.opts[0]}" flag: {error.message}'
    return error.format_message()


def _unknown(name: str, known: Sequence[str]) -> str:
    words = f'unknown command "{name}" for "portal"'
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        words += "\n\nDid you mean this?\n" + "".join(f"\t{each}\n" for each in near)
    return words


def _complain(words: str) -> int:
    sys.stderr.write(f"Error: {words}\n")
    return 1
