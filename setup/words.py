"""The words people read: collected from Python, templates and TypeScript; compiled for Django.

All in Python, since a bare machine has no gettext. `python -m setup.words collect|compile|check`.
"""

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "locale"
LANGUAGES = {"zh_Hans": "zh_Hans"}
HEADER = "# 简体中文. Written by `make words`; the translations are written by people."
KEYWORDS = dict.fromkeys(
    ("_", "gettext", "gettext_lazy", "gettext_noop", "t", "noop", "about")
) | dict.fromkeys(("ngettext", "ngettext_lazy", "tn"), (1, 2))
CONTEXT_KEYWORDS = dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2))

# Domain → what is read for it, and how.
SOURCES = {
    "django": (("portal/**/*.py", "python"), ("templates/**/*", "template")),
    "djangojs": (("static/src/**/*.ts", "script"), ("static/src/**/*.tsx", "script")),
}


def collected(domain: str) -> Catalog:
    """Every message of a domain as the code has it now."""
    catalog = Catalog(domain=domain, project="portal", charset="utf-8", fuzzy=False)
    for pattern, kind in SOURCES[domain]:
        for file in sorted(ROOT.glob(pattern)):
            if file.is_file() and "migrations" not in file.parts:
                _add(catalog, file, kind)
    return catalog


def _add(catalog: Catalog, file: Path, kind: str) -> None:
    place = str(file.relative_to(ROOT))
    for line, message, comments, context in _messages(file, kind):
        catalog.add(message, locations=[(place, line)], auto_comments=comments, context=context)


def _messages(
    file: Path, kind: str
) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    text = file.read_text(encoding="utf-8")
    method, options = "python", {}
    if kind == "template":
        # Template to Python-like text; the indentation would be Python's, and means nothing here.
        text = "\n".join(line.lstrip() for line in templatize(text).splitlines())
    elif kind == "script":
        method, options = "javascript", {"parse_template_string": False, "jsx": True}
    yield from extract(
        method,
        io.BytesIO(text.encode()),
        keywords={**KEYWORDS, **CONTEXT_KEYWORDS},
        comment_tags=("Translators:",),
        options=options,
    )


def files() -> Iterator[tuple[str, str, Path]]:
    for folder, language in LANGUAGES.items():
        for domain in SOURCES:
            yield domain, language, LOCALE / folder / "LC_MESSAGES" / f"{domain}.po"


def collect() -> None:
    """Bring the .po files up to date. Translations stay; messages that are gone are dropped."""
    for domain, language, path in files():
        fresh = collected(domain)
        known = _read(path, language=language, domain=domain)
        known.update(fresh, no_fuzzy_matching=True, update_creation_date=False)
        known.obsolete.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, known, width=100, no_location=True, omit_header=False, sort_output=True)
        open_ones = sum(1 for _ in untranslated(known))
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(known)} messages, {open_ones} open\n")


def compile_all() -> None:
    for domain, language, path in files():
        if path.exists():
            with path.with_suffix(".mo").open("wb") as file:
                write_mo(file, _read(path, language=language, domain=domain))
            sys.stdout.write(f"{path.with_suffix('.mo').relative_to(ROOT)}\n")


def faults() -> list[str]:
    """What a Chinese reader would meet in English, and what no longer exists."""
    found: list[str] = []
    for domain, language, path in files():
        known = _read(path, language=language, domain=domain)
        now = {_key(message) for message in collected(domain) if message.id}
        then = {_key(message) for message in known if message.id}
        where = path.relative_to(ROOT)
        found += [f"{where}: not collected (make words): {key[1]!r}" for key in sorted(now - then)]
        found += [f"{where}: no longer used (make words): {key[1]!r}" for key in sorted(then - now)]
        found += [f"{where}: not translated: {key!r}" for key in untranslated(known)]
    return found


def untranslated(catalog: Catalog) -> Iterator[str]:
    for message in catalog:
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and (message.fuzzy or not all(texts)):
            yield str(message.id)


def _key(message: object) -> tuple[str, str]:
    context, identity = getattr(message, "context", None), getattr(message, "id", "")
    return (context or "", "\0".join([identity] if isinstance(identity, str) else identity))


def _read(path: Path, *, language: str, domain: str) -> Catalog:
    if not path.exists():
        return Catalog(
            locale=language,
            domain=domain,
            project="portal",
            header_comment=HEADER,
            msgid_bugs_address="see SECURITY.md and CONTRIBUTING.md",
            last_translator="the portal's contributors",
            language_team="the portal's contributors",
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def main(arguments: Iterable[str]) -> int:
    settings.configure(USE_I18N=False)
    match list(arguments):
        case ["collect"]:
            collect()
            compile_all()
        case ["compile"]:
            compile_all()
        case ["check"]:
            wrong = faults()
            sys.stdout.write("".join(f"{fault}\n" for fault in wrong))
            return 1 if wrong else 0
        case _:
            sys.stderr.write("collect, compile or check?\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
