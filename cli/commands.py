"""The commands, each a door: words in, one or two calls to the server, words out.

Not for conversations: `running.py` and `prompt.py`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli import listing, making, progress, running, settings, tables, values
from cli.answers import Style
from cli.arguments import Commands, WholeNumber, at_least, at_most, exactly
from cli.errors import Failed, NotFound
from cli.server import Server

_VIEWS = ("license", "modelfile", "parameters", "system", "template")
_CONVERSATION = (
    ("OLLAMA_NOHISTORY", "Keep no history of what is typed"),
    ("OLLAMA_EDITOR", "What Ctrl-G opens, before VISUAL and EDITOR"),
)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    "0.1.0", "-v", "--version", package_name=None, message="portal version is %(version)s"
)
def portal() -> None:
    """Chat with your company's models from the terminal.

    The address and the key come from 'portal login', or from PORTAL_HOST and PORTAL_KEY.
    """


def connected() -> Server:
    return Server(settings.current()).check()


# ── Who asks, and whom ───────────────────────────────────────────────────────────────────────────


@portal.command(short_help="Keep an address and a key for later commands")
@at_most(1, shown="[ADDRESS]")
def login(words: Sequence[str]) -> None:
    """Keep an address and a key for later commands.

    The key is made on the page "Connect" of the portal, or by 'manage.py createkey'. It is asked
    for, or read from a pipe.
    """
    current = settings.current()
    address = settings.normal(words[0]) if words else current.address
    if sys.stdin.isatty():
        if not words:
            address = settings.normal(click.prompt("Address", default=address, err=True))
        key = click.prompt("Key", hide_input=True, err=True).strip()
    else:
        key = sys.stdin.readline().strip()
    chosen = settings.Settings(address=address, key=key)
    with Server(chosen).check() as server:
        count = len(server.models())
    try:
        path = settings.keep(chosen)
    except OSError as error:
        raise Failed(
            f"the key is right, but it cannot be kept here: {error}. Set PORTAL_HOST and"
            " PORTAL_KEY instead."
        ) from None
    place = settings.shown(address)
    sys.stdout.write(f"Signed in to {place}; {count} model(s) to choose from. Kept in {path}\n")


@portal.command(short_help="Forget the address and the key")
@exactly(0)
def logout(words: Sequence[str]) -> None:
    """Forget the address and the key."""
    if not settings.forget():
        raise Failed("nobody is signed in")
    sys.stdout.write("Signed out. The key itself still works until it is revoked in the portal.\n")


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────


@portal.command("list", short_help="List models")
@at_most(1, shown="[PREFIX]")
def list_models(words: Sequence[str]) -> None:
    """List models, those whose name begins with PREFIX."""
    prefix = words[0].lower() if words else ""
    with connected() as server:
        sys.stdout.write(listing.models(server, prefix=prefix))


@portal.command(short_help="List running models")
@at_most(1, shown="[PREFIX]")
def ps(words: Sequence[str]) -> None:
    """List running models, those whose name begins with PREFIX."""
    with connected() as server:
        sys.stdout.write(listing.loaded(server, prefix=words[0] if words else ""))


@portal.command(short_help="Show information for a model")
@exactly(1, shown="MODEL")
@click.option("--license", is_flag=True, help="Show license of a model")
@click.option("--modelfile", is_flag=True, help="Show Modelfile of a model")
@click.option("--parameters", is_flag=True, help="Show parameters of a model")
@click.option("--template", is_flag=True, help="Show template of a model")
@click.option("--system", is_flag=True, help="Show system message of a model")
@click.option("-v", "--verbose", is_flag=True, help="Show detailed model information")
def show(words: Sequence[str], *, verbose: bool, **views: bool) -> None:
    """Show information for a model."""
    wanted = [view for view in _VIEWS if views[view]]
    if len(wanted) > 1:
        names = ", ".join(f"'--{each}'" for each in _VIEWS[:-1])
        raise Failed(f"only one of {names}, or '--{_VIEWS[-1]}' can be specified")
    with connected() as server:
        info = server.show(words[0], is_verbose=verbose)
    if not wanted:
        sys.stdout.write(tables.shown(info, is_verbose=verbose))
        return
    (view,) = wanted
    end = "" if view in ("system", "template") else "\n"
    sys.stdout.write(f"{info.get(view) or ''}{end}")


# ── Fetching, making, removing ───────────────────────────────────────────────────────────────────


@portal.command(short_help="Pull a model from a registry")
@exactly(1, shown="MODEL")
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
def pull(words: Sequence[str], *, insecure: bool) -> None:
    """Pull a model from a registry."""
    with connected() as server:
        progress.show(server.pull(words[0], insecure=insecure))


@portal.command(short_help="Push a model to a registry")
@exactly(1, shown="MODEL")
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
def push(words: Sequence[str], *, insecure: bool) -> None:
    """Push a model to a registry."""
    with connected() as server:
        progress.show(server.push(words[0], insecure=insecure))
    sys.stdout.write(f"\nYou can find your model at:\n\n\t{words[0]}\n")


@portal.command(short_help="Create a model")
@exactly(1, shown="MODEL")
@click.option("-f", "--file", help='Name of the Modelfile (default "Modelfile")')
@click.option("-q", "--quantize", default="", help="Quantize model to this level (e.g. q4_K_M)")
@click.option("--draft-quantize", default="", help="Quantize the draft model to this level")
def create(words: Sequence[str], file: str | None, quantize: str, draft_quantize: str) -> None:
    """Create a model from a Modelfile."""
    with connected() as server, progress.telling() as tell:

        def copying(digest: str, percent: int) -> None:
            row = f"copying file {digest}"
            tell({"row": row, "status": f"{row} {percent}%"})

        tell({"status": "gathering model components"})
        wanted = making.request(
            words[0],
            file=Path(file) if file else None,
            quantize=quantize,
            draft_quantize=draft_quantize,
            upload=lambda path: server.add_blob(path, tell=copying),
        )
        for line in server.create(wanted):
            tell(line)


@portal.command(short_help="Copy a model")
@exactly(2, shown="SOURCE TARGET")
def cp(words: Sequence[str]) -> None:
    """Copy a model."""
    with connected() as server:
        server.copy(words[0], words[1])
    sys.stdout.write(f"copied '{words[0]}' to '{words[1]}'\n")


@portal.command(short_help="Remove a model")
@at_least(1, shown="MODEL...")
def rm(words: Sequence[str]) -> None:
    """Remove models, one after the other, until one cannot be removed."""
    with connected() as server:
        for model in words:
            try:
                server.unload(model)
            except NotFound:
                pass
            except Failed:
                sys.stderr.write(f"Warning: unable to stop model '{model}'\n")
            server.delete(model)
            sys.stdout.write(f"deleted '{model}'\n")


@portal.command(short_help="Stop a running model")
@exactly(1, shown="MODEL")
def stop(words: Sequence[str]) -> None:
    """Stop a running model: it leaves memory once its answers are done.

    Others may be using it, so this is for those who manage models, with a key for that.
    """
    with connected() as server:
        try:
            is_leaving = server.unload(words[0])
        except NotFound:
            raise Failed(f'couldn\'t find model "{words[0]}" to stop') from None
    if not is_leaving:
        raise Failed(
            f"'{words[0]}' was not stopped: others may be using it, so the portal's own schedule"
            " decides when it leaves memory. Whoever manages models can stop it, with a key for"
            " that."
        )


# ── Talking ──────────────────────────────────────────────────────────────────────────────────────


@portal.command(short_help="Run a model", environment=_CONVERSATION)
@at_least(1, shown="MODEL [PROMPT]")
@click.option("--keepalive", default="", help="Duration to keep a model loaded (e.g. 5m)")
@click.option("--verbose", is_flag=True, help="Show timings for response")
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
@click.option("--nowordwrap", is_flag=True, help="Don't wrap words to the next line automatically")
@click.option("--format", "wanted_format", default="", help="Response format (json or a schema)")
@click.option("--think", default=None, help="Think first: =true, false, low, medium, high or max")
@click.option("--hidethinking", is_flag=True, help="Hide thinking output")
@click.option("--truncate", is_flag=True, default=None, help="Embedding: cut what is too long")
@click.option(
    "--dimensions", type=WholeNumber(), default=None, help="Embedding: length of the vector"
)
def run(words: Sequence[str], think: str | None, **options: Any) -> None:
    """Run a model: one answer to PROMPT, or a conversation without one."""
    wanted = running.Wanted(
        model=words[0],
        prompt=running.prompt_of(words[1:]),
        keep_alive=options["keepalive"],
        insecure=options["insecure"],
        answer_format=values.answer_format(options["wanted_format"]),
        think=None if think is None else values.think(think),
        truncate=options["truncate"],
        dimensions=options["dimensions"],
        style=Style(
            is_wrapped=not options["nowordwrap"],
            is_verbose=options["verbose"],
            hides_thinking=options["hidethinking"],
        ),
    )
    with connected() as server:
        running.run(server, wanted)


# ── The rest ─────────────────────────────────────────────────────────────────────────────────────


@portal.command("help", short_help="Help about any command")
@at_most(1, shown="[COMMAND]")
@click.pass_context
def help_about(context: click.Context, words: Sequence[str]) -> None:
    """Help about any command."""
    around = context.parent or context
    found = portal.get_command(around, words[0]) if words else portal
    if found is None:
        raise Failed(f'unknown command "{words[0]}" for "portal"')
    with click.Context(found, info_name=words[0], parent=around) if words else around as about:
        sys.stdout.write(f"{found.get_help(about)}\n")


@portal.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def serve(words: Sequence[str]) -> None:
    """Said to those who know it from elsewhere."""
    raise Failed(
        "the portal is started where it is installed, by 'make run' or by its services; this"
        " command only speaks to it. 'portal login ADDRESS' says where it is."
    )


# The names people also type.
portal.add_command(list_models, "ls")
portal.add_command(login, "signin")
portal.add_command(logout, "signout")
