"""One page of results for everything that is measured, each part by itself."""

from bench import results


def test_a_part_replaces_itself_and_leaves_the_others_alone(tmp_path):
    page = tmp_path / "RESULTS.md"
    page.write_text("# What was measured\n\n## burst\n\n| a |\n")

    results.put(page, part="page", text="## The chat page\n\nslow\n")
    results.put(page, part="page", text="## The chat page\n\nquick\n")
    results.put(page, part=results.FIRST, text="# What was measured\n\n## talk\n")

    assert results.read(page) == {
        "engine": "# What was measured\n\n## talk",
        "page": "## The chat page\n\nquick",
    }
    assert page.read_text().startswith("# What was measured\n")


def test_the_same_again_changes_nothing(tmp_path):
    page = tmp_path / "RESULTS.md"
    results.put(page, part="page", text="## The chat page\n")
    results.put(page, part=results.FIRST, text="# What was measured\n")
    before = page.read_text()

    for part, text in results.read(page).items():
        results.put(page, part=part, text=text)

    assert page.read_text() == before


def test_a_part_can_be_the_only_one(tmp_path):
    page = tmp_path / "RESULTS.md"

    results.put(page, part="page", text="## The chat page\n")

    assert results.read(page) == {"page": "## The chat page"}
