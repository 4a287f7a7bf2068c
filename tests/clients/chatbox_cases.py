"""The check cases for ChatBox, and the tests that prove each. test_chatbox_cases.py reads it.

Old generation: 1 to 11. Current generation: 12 to 24. Both: 25 and 26.
"""

OLD, NEW = "tests/clients/test_chatbox_old.py", "tests/clients/test_chatbox_new.py"

# Number → what must hold, and the files where a test named `test_case_NN_…` proves it.
HERE: dict[int, tuple[str, str]] = {
    1: ("models without any header; a wrong token is a 401 in JSON", OLD),
    2: ("every line but the last has content; the body ends with a line end", OLD),
    3: ("emoji and CJK, one byte at a time", OLD),
    4: ("a reasoning model that nobody asked to think", OLD),
    5: ("a model that says nothing", OLD),
    6: ("pictures as bare base64, without words, and none at all", OLD),
    7: ("two questions in a row, or an answer first", OLD),
    8: ("the worker is killed in the middle", OLD),
    9: ("the client leaves after two lines", OLD),
    11: ("an address typed with /api, /v1 or //", OLD),
    12: ("the placeholder key, a wrong key, a preflight", NEW),
    13: ("a stream: role, deltas, finish with usage, [DONE]", NEW),
    14: ("a body without `stream`", NEW),
    15: ("thinking first and apart; templates that open the tag themselves", NEW),
    16: ("a tool called, run, answered", NEW),
    17: ("the three verdicts of the capability check", NEW),
    19: ("too long and too much are told, and not sent again", NEW),
    20: ("the worker dies in the middle of a stream", NEW),
    21: ("five hundred inputs keep their order", NEW),
    22: ("addresses without /v1", NEW),
    24: ("fifteen megabytes with pictures; beyond the limit 413 in JSON", OLD),
    26: ("a token in an address is in no log", OLD),
}
# Number → what must hold, and the test of another part that proves it.
ELSEWHERE: dict[int, tuple[str, str]] = {
    10: (
        "the same four times while the first waits",
        "tests/api/test_repeats.py"
        "::test_four_times_the_same_while_the_first_waits_is_one_answer_for_all",
    ),
    18: (
        "comments while it waits, then tokens",
        "tests/api/test_streaming.py::test_a_waiting_sse_stream_lives_and_then_answers",
    ),
    23: (
        "a title is known, short, and in nobody's way",
        "tests/api/ollama/test_titling.py::test_a_title_gives_way_to_whoever_asks_after_it",
    ),
    25: (
        "the deep link passes the client's rules",
        "tests/connect/test_provider.py"
        "::test_whatever_the_models_are_chatbox_takes_link_and_clipboard",
    ),
}
