"""Networks that let no WebSocket through: the page says so, and everything works by another way."""

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import until
from tests.browser.network import Network, a_network
from tests.browser.script import COUNTED_TEXT

pytestmark = [pytest.mark.browser, pytest.mark.threat("C10")]

NOTICE = "This network lets no live connection"
# As if a laptop had been carried to another network.
ANOTHER_NETWORK = "window.dispatchEvent(new Event('online'))"
SEEN = """(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def network() -> Iterator[Network]:
    with a_network() as network:
        yield network


@pytest.fixture
def behind(visit: Visit, network: Network) -> Callable[..., Tab]:
    """Somebody's browser in that network."""

    def open_one(name: str, **options: object) -> Tab:
        return visit(name, proxy={"server": network.address}, **options)

    return open_one


@pytest.mark.parametrize("fate", ["refuse", "cut"])
def test_the_page_says_that_no_socket_can_be_had_and_answers_all_the_same(
    network: Network, behind: Callable[..., Tab], fate: str
) -> None:
    network.sockets = "refuse" if fate == "refuse" else "cut"
    erin = behind("erin")

    expect(erin.page.get_by_text(NOTICE)).to_be_visible()
    expect(erin.page.get_by_text("No connection.")).to_have_count(0)
    erin.ask("Count slowly")
    expect(erin.prose).to_contain_text("1 2 3")
    for words in ("10 11 12", "30 31 32"):
        expect(erin.prose).to_contain_text(words)
        # Every line ends in mid-answer, and it goes on from where it was.
        network.cut()
    erin.is_in_state("done")
    expect(erin.prose).to_have_text(COUNTED_TEXT)
    # One more question: another answer is followed over another line.
    erin.ask("What is the capital of France?")
    expect(erin.answers).to_have_count(2)
    erin.is_in_state("done")
    expect(erin.prose).to_have_text("Paris is the capital of France.")

    erin.button("Understood").click()
    expect(erin.page.get_by_text(NOTICE)).to_have_count(0)
    erin.page.reload()
    expect(erin.prose).to_have_text("Paris is the capital of France.")
    expect(erin.page.get_by_text(NOTICE)).to_have_count(0)
    assert erin.errors == []


def test_a_tab_with_a_socket_and_one_without_see_each_other(
    network: Network, behind: Callable[..., Tab], visit: Visit
) -> None:
    network.sockets = "refuse"
    without = behind("erin")
    expect(without.page.get_by_text(NOTICE)).to_be_visible()
    without.ask("Hold on")
    expect(without.prose).to_contain_text("1 2 3 4 5")
    without.page.wait_for_url("**/c/*/")

    beside = visit("erin", path=without.page.url.removeprefix(without.house.address))
    expect(beside.prose).to_contain_text("1 2 3 4 5")
    beside.button("Stop").click()

    without.is_in_state("stopped")
    beside.is_in_state("stopped")
    beside.is_drawn()
    expect(without.prose).to_have_text(beside.prose.inner_text())


def test_the_page_goes_back_to_the_socket_as_soon_as_it_can_be_had_again(
    network: Network, behind: Callable[..., Tab]
) -> None:
    network.sockets = "refuse"
    erin = behind("erin")
    expect(erin.page.get_by_text(NOTICE)).to_be_visible()
    erin.ask("Count slowly")
    expect(erin.prose).to_contain_text("1 2 3")

    network.sockets = "pass"
    erin.page.evaluate(ANOTHER_NETWORK)

    expect(erin.page.get_by_text(NOTICE)).to_have_count(0)
    erin.is_in_state("done")
    expect(erin.prose).to_have_text(COUNTED_TEXT)
    until(lambda: network.open_lines == 0, what="the line is given up")
    posts = network.count("POST /page/frames/")
    erin.ask("What is the capital of France?")
    expect(erin.answers).to_have_count(2)
    erin.is_in_state("done")
    assert network.count("POST /page/frames/") == posts
    assert network.open_tunnels == 1


def test_a_network_that_swallows_sockets_is_not_waited_for_twice(
    network: Network, behind: Callable[..., Tab]
) -> None:
    network.sockets = "swallow"
    erin = behind("erin")
    # The page's own clock, so that nobody has to wait for its patience to end.
    erin.page.clock.install()
    with erin.page.expect_websocket():
        erin.page.reload()
    with erin.page.expect_websocket():
        # The second is asked for beside a line that stands by then.
        erin.page.clock.fast_forward(6_000)
    until(lambda: network.open_lines == 1, what="the line stands")
    erin.page.clock.fast_forward(6_000)

    expect(erin.page.get_by_text(NOTICE)).to_be_visible()
    erin.ask("What is the capital of France?")
    erin.is_in_state("done")


def test_without_any_connection_the_page_waits_and_goes_on_by_itself(
    network: Network, behind: Callable[..., Tab]
) -> None:
    network.sockets = "refuse"
    erin = behind("erin")
    expect(erin.page.get_by_text(NOTICE)).to_be_visible()

    network.is_down = True
    network.cut()
    erin.ask("What is the capital of France?")
    expect(erin.page.get_by_text("No connection.")).to_be_visible()
    expect(erin.page.get_by_text("Will be sent once you are online.")).to_be_visible()
    network.is_down = False

    erin.is_in_state("done")
    expect(erin.answers).to_have_count(1)
    expect(erin.page.get_by_text("No connection.")).to_have_count(0)


def test_a_tab_that_nobody_sees_holds_no_connection_and_catches_up_when_it_is_seen(
    network: Network, behind: Callable[..., Tab]
) -> None:
    """Browsers have six of them for one site: the seventh tab would wait for ever."""
    network.sockets = "refuse"
    erin = behind("erin")
    erin.page.clock.install()
    erin.page.reload()
    expect(erin.page.get_by_text(NOTICE)).to_be_visible()
    erin.ask("Count slowly")
    expect(erin.prose).to_contain_text("1 2 3")

    erin.page.evaluate(SEEN, "hidden")
    erin.page.clock.fast_forward(11_000)
    until(lambda: network.open_lines == 0, what="the line is given up")
    erin.page.evaluate(SEEN, "visible")

    erin.is_in_state("done")
    expect(erin.prose).to_have_text(COUNTED_TEXT)
    expect(erin.page.get_by_text("No connection.")).to_have_count(0)
