"""Set-up, piece by piece: what it says, what it skips, what it asks for."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.ops.parts import ROOT
from setup import check, front_end, lock, python_packages, words
from setup.commands import SetupFailed, run
from setup.progress import Progress, in_words, last_words
from setup.screen import Screen
from setup.stamps import Stamps, fingerprint


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_compiling_is_a_line_with_the_time_left():
    clock = Clock()
    progress = Progress(clock=clock)
    progress.read("DEBUG [1/193] /usr/bin/g++ -DGGML_BUILD -c ggml.cpp")
    clock.now = 60.0

    said = progress.read("DEBUG [38/193] /usr/bin/g++ -DGGML_BUILD -c llama.cpp")

    assert said == "Compiling the inference library: 38 of 193 (about 4 min left)"


def test_no_time_is_promised_before_it_can_be_known():
    progress = Progress(clock=Clock())

    said = progress.read("[2/193] /usr/bin/g++")

    assert said == "Compiling the inference library: 2 of 193"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Downloading numpy (16.1MiB)", "Downloading numpy (16.1MiB)"),
        ("Prepared 3 packages in 4m 02s", "Installing"),
        ("DEBUG Found workspace root: `.`", None),
        ("  note [1/2] in a sentence", None),
    ],
)
def test_other_lines_say_something_or_nothing(line, said):
    assert Progress(clock=Clock()).read(line) == said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(10, "less than a minute left"), (55, "about 1 min left"), (250, "about 4 min left")],
)
def test_time_is_told_in_round_words(seconds, text):
    assert in_words(seconds) == text


def test_the_end_of_a_failed_log_is_without_chatter():
    log = ["DEBUG Found thing", "DEBUG ninja: build stopped", "", "error: no such header"]

    assert last_words(log) == ["ninja: build stopped", "error: no such header"]


def test_a_failed_step_says_what_failed_and_where_the_rest_is(tmp_path, capsys):
    command = [sys.executable, "-c", "import sys; print('no such header'); sys.exit(2)"]

    with pytest.raises(SetupFailed, match="Compiling failed") as failed:
        run(command, doing="Compiling", log=tmp_path / "log", screen=Screen())

    assert str(tmp_path / "log") in str(failed.value)
    assert "  no such header" in capsys.readouterr().out


def test_a_step_is_repeated_when_a_file_or_its_name_changes(tmp_path):
    stamps, source = Stamps(tmp_path / "ready"), tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("1")
    before = fingerprint([source])
    stamps.set("build", before)
    assert stamps.is_fresh("build", fingerprint([source]))

    (source / "a").rename(source / "b")
    renamed = fingerprint([source])
    (source / "b").write_text("2")

    assert len({before, renamed, fingerprint([source])}) == 3
    assert not stamps.is_fresh("build", renamed)


@pytest.mark.parametrize(
    ("text", "version"), [("v20.19.1\n", (20, 19)), ("v18.0.0", (18, 0)), ("", (0, 0))]
)
def test_the_version_of_node_is_read(text, version):
    assert front_end.version(text) == version


def test_without_a_compiler_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)

    with pytest.raises(SetupFailed, match=r"C\+\+ compiler.*apt install g\+\+"):
        python_packages._need_compiler()


def test_without_a_python_it_says_what_to_install(tmp_path):
    found = subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(ROOT / "setup" / "find-python.sh")],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 1
    assert "Python 3.11 or newer" in found.stderr


def test_the_companys_mirror_is_passed_on(monkeypatch):
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setattr(
        python_packages,
        "output_of",
        lambda command: "global.index-url='https://mirror.example.com/simple'\n",
    )

    assert python_packages.mirror() == {"UV_DEFAULT_INDEX": "https://mirror.example.com/simple"}


@pytest.mark.threat("J2")
@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("django==5.2.1\n", "no hash"),
        ("django==5.2.1 \\\n    --hash=sha256:00\n", None),
        ("--index-url https://mirror.example.com/simple\n", "an address"),
        ("--pre\n", "an option"),
    ],
)
def test_a_lock_without_hash_or_with_an_address_is_found(tmp_path, entry, fault):
    (tmp_path / "x.txt").write_text(entry)

    found = lock.faults(tmp_path / "x.txt")

    assert any(fault in each for each in found) if fault else found == []


def test_words_are_collected_from_python_templates_and_scripts(tmp_path, monkeypatch):
    monkeypatch.setattr(words, "ROOT", tmp_path)
    for folder in ("portal", "templates", "static/src"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "portal" / "a.py").write_text("x = _('From Python')\n")
    (tmp_path / "templates" / "a.html").write_text(
        "<p>\n    {% load i18n %}{% translate 'From a template' %}\n  <b title=\"it's\"></b>\n"
        "{% blocktranslate count n=1 %}one{% plural %}{{ n }} many{% endblocktranslate %}</p>"
    )
    (tmp_path / "static" / "src" / "a.tsx").write_text(
        "const a = <b title={t(\"From a script\")}>{tn('%(count)s day', '%(count)s days', 2)}</b>;"
    )

    django = {message.id for message in words.collected("django") if message.id}
    page = {message.id for message in words.collected("djangojs") if message.id}

    assert {"From Python", "From a template", ("one", "%(n)s many")} == django
    assert {"From a script", ("%(count)s day", "%(count)s days")} == page


def test_the_sample_environment_is_read_as_systemd_reads_it(tmp_path):
    (tmp_path / "env").write_text('# note\n\nA=1\nB="two words"\n')

    assert check.read_environment_file(tmp_path / "env") == {"A": "1", "B": "two words"}


def test_the_licence_is_the_whole_apache_licence():
    text = (ROOT / "LICENSE").read_text()

    assert "Version 2.0, January 2004" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert hashlib.sha256(text.encode()).hexdigest()[:8] == "c71d239d"


def test_a_makefile_target_exists_for_every_command_of_contributing():
    named = {
        line.split("`")[1].split()[1]
        for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines()
        if line.startswith("| `make ")
    }
    makefile = (ROOT / "Makefile").read_text()

    measured = {"bench", "bench-page", "bench-crowd"}
    assert named == measured | {"run", "check", "test", "faults", "words", "pictures", "converter"}
    assert all(f"\n{name}:" in makefile for name in named)
    assert Path(ROOT / ".ci" / "run").read_text().rstrip().endswith("make check\nmake test")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_every_picture_of_the_first_page_is_there_and_small(page: str):
    shown = re.findall(r'(?:src|srcset)="(docs/pictures/[^"]+)"', (ROOT / page).read_text())

    assert len(shown) == 18
    assert all((ROOT / picture).stat().st_size < 250_000 for picture in shown)
