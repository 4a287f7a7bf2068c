"""Pictures are found by the paths people write, and sent only when they are pictures."""

from pathlib import Path

import pytest

from cli import pictures

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_a_path_is_taken_out_of_the_text_and_its_file_sent(tmp_path: Path) -> None:
    (tmp_path / "my cat.png").write_bytes(PNG)

    taken = pictures.taken_from(f"What is in '{tmp_path}/my cat.png'?")

    assert taken.text == "What is in ?"
    assert taken.images == (PNG,)
    assert taken.told == (f"Added image '{tmp_path}/my cat.png'",)


def test_blanks_may_be_escaped(tmp_path: Path) -> None:
    (tmp_path / "my cat.png").write_bytes(PNG)

    assert pictures.taken_from(f"{tmp_path}/my\\ cat.png").images == (PNG,)


def test_a_path_without_a_file_stays_in_the_text() -> None:
    assert pictures.taken_from("see /nowhere/cat.png now").text == "see /nowhere/cat.png now"


@pytest.mark.threat("F23")
def test_what_is_only_called_a_picture_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"%PDF-1.7")

    with pytest.raises(pictures.NotAPicture, match="not a JPEG, PNG, WebP or WAV"):
        pictures.taken_from(f"{tmp_path}/cat.png")
