"""A Modelfile on this machine becomes an order: `manage.py createmodel`."""

import hashlib
from pathlib import Path

import pytest

import modelfile
from portal.catalog.making import local
from portal.catalog.making.errors import NotMade
from portal.catalog.making.order import Order
from portal.catalog.names import Digest

warned: list[str] = []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights.gguf").write_bytes(b"weights")
    (tmp_path / "lora.gguf").write_bytes(b"lora")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.gguf").write_bytes(b"b")
    (tmp_path / "parts" / "a.gguf").write_bytes(b"a")
    warned.clear()
    return tmp_path


def order_of(text: str, folder: Path) -> Order:
    return local.order_of(
        "made", modelfile.parse(text.encode()), folder=folder, take_in=digest_of, warn=warned.append
    )


def digest_of(path: Path) -> Digest:
    return Digest(hashlib.sha256(path.read_bytes()).hexdigest())


def test_what_exists_is_a_file_and_anything_else_a_name(folder: Path) -> None:
    of_file = order_of("FROM ./weights.gguf\nADAPTER lora.gguf\n", folder)
    of_folder = order_of(f"FROM {folder}/parts\n", folder)
    of_name = order_of("FROM weights:latest\nFROM llama3.2:1b", folder)

    assert of_file.files == {"weights.gguf": str(digest_of(folder / "weights.gguf"))}
    assert of_file.adapters == {"lora.gguf": str(digest_of(folder / "lora.gguf"))}
    assert (of_file.base, of_file.is_of_files) == ("", True)
    assert list(of_folder.files) == ["a.gguf", "b.gguf"]
    assert (of_name.base, of_name.files) == ("llama3.2:1b", {})


def test_parameters_have_kinds_and_stops_add_up(folder: Path) -> None:
    order = order_of(
        "FROM x\nPARAMETER num_ctx 4096\nPARAMETER temperature 0.123456789\n"
        "PARAMETER top_p 0.9\nPARAMETER stop a\nPARAMETER stop b\nPARAMETER top_k 1\n"
        "PARAMETER top_k 2\nPARAMETER use_mmap T\nPARAMETER mirostat 1\n",
        folder,
    )

    assert order.parameters == {
        "num_ctx": 4096,
        "temperature": 0.12345679,
        "top_p": 0.9,
        "stop": ["a", "b"],
        "top_k": 2,
        "use_mmap": True,
    }
    assert warned == ["warning: parameter mirostat is deprecated"]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("PARAMETER tfs_z 1", "unknown parameter 'tfs_z'"),
        ("PARAMETER num_ctx abc", "invalid int value [abc]"),
        ("PARAMETER num_ctx 1.5", "invalid int value [1.5]"),
        ("PARAMETER temperature abc", "invalid float value [abc]"),
        ("PARAMETER temperature 1e99", "invalid float value [1e99]"),
        ("PARAMETER use_mmap yes", "invalid bool value [yes]"),
        ("REQUIRES soon", "requires must be a valid semver (e.g. 0.14.0)"),
        (
            "FROM weights.gguf\nDRAFT ./weights.gguf",
            "DRAFT must not reference the same local path as FROM: ./weights.gguf",
        ),
    ],
)
def test_what_means_nothing_is_refused_in_their_words(
    folder: Path, text: str, refusal: str
) -> None:
    with pytest.raises(NotMade) as refused:
        order_of(f"FROM x\n{text}\n", folder)

    assert refused.value.contract_text == refusal
    assert refusal in str(refused.value)


def test_papers_come_along(folder: Path) -> None:
    order = order_of(
        "FROM x\nSYSTEM one\nSYSTEM two\nTEMPLATE t\nLICENSE a\nLICENSE b\nREQUIRES v0.14.0\n"
        "MESSAGE user Hi\nRENDERER r\nPARSER p\n",
        folder,
    )

    assert (order.system, order.template, order.licenses) == ("two", "t", ("a", "b"))
    assert (order.requires, order.renderer, order.parser) == ("0.14.0", "r", "p")
    assert order.messages == ({"role": "user", "content": "Hi"},)
    assert Order.of_wants(order.as_wants()) == order


def test_a_link_that_leaves_its_folder_is_refused(folder: Path) -> None:
    (folder / "parts" / "c.gguf").symlink_to(folder / "weights.gguf")

    with pytest.raises(NotMade, match="insecure path"):
        order_of("FROM parts\n", folder)
