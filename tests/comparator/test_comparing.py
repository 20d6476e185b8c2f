"""Two answers to one request: what is equal, what differs and where, and what cannot be compared."""

import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.api.parsing import parse_shadow
from model_experiment.comparator.answers import Answer, Failure, Reading, Reason, read
from model_experiment.comparator.comparing import OutputResult, compare, numbers, rules_of
from model_experiment.decision.counts import PairResult

MOST_BYTES = 100_000
NAN = float("nan")
JSON = "application/json"
EQUAL = (PairResult.EQUAL, None, ())


def rules(**shadow):
    return rules_of(parse_shadow(shadow))


def output(path="", **way):
    return {"outputs": [{"name": "it", "path": path} | way]}


def answer(body=b"{}", *, status=200, content_type=JSON, encoding=""):
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Answer(status, written, 0.1, content_type, encoding), most_bytes=MOST_BYTES)


def told(first, second, **shadow):
    result = compare(first, second, rules(**shadow))
    return result.result, result.reason, result.fields


def values(first, second, **shadow):
    return told(Reading(200, first), Reading(200, second), **shadow)


def differ(*fields):
    return PairResult.DIFFERENT, None, fields


def not_comparable(reason):
    return PairResult.NOT_COMPARABLE, reason, ()


EXACT, TENTH, SHARE = {"exact": {}}, {"number": {}}, {"number": {"within": "10%"}}
TOP = {"topK": {"k": 2}}
EDIT, OVERLAP = {"text": {"minimum": "75%"}}, {"text": {"similarity": "Overlap", "minimum": "75%"}}

VALUES = [
    pytest.param(EXACT, {"a": 1, "b": [1, "x", None]}, {"b": [1.0, "x", None], "a": 1}, EQUAL, id="exact: one value"),
    pytest.param(EXACT, 1, 1.0000001, differ("it"), id="exact: a number"),
    pytest.param(EXACT, [1, 2], [2, 1], differ("it/*"), id="exact: the order of a list"),
    pytest.param(EXACT, [1, 2], [1, 2, 3], differ("it"), id="exact: the length of a list is a matter of the list"),
    pytest.param(EXACT, {"a": None}, {}, differ("it/a"), id="exact: null is no missing field"),
    pytest.param(EXACT, {"a": {"b/c": 1}}, {"a": {"b/c": 2}}, differ("it/a/b~1c"), id="exact: a field deep inside"),
    pytest.param(EXACT, True, 1, differ("it"), id="exact: true is no 1"),
    pytest.param(EXACT, "1", 1, differ("it"), id="exact: a text is no number"),
    pytest.param(EXACT, [NAN], [NAN], EQUAL, id="exact: NaN is NaN"),
    pytest.param(EXACT, NAN, 0, differ("it"), id="exact: NaN is no number"),
    pytest.param(EXACT, {"\ud800": 1}, {"\ud800": 2}, differ("it/?"), id="exact: a field that has half a character"),
    pytest.param(TENTH, 0.5, 0.6, EQUAL, id="number: at the tolerance"),
    pytest.param(TENTH, 1.1, 1.0, EQUAL, id="number: at the tolerance, where floats are not exact"),
    pytest.param(TENTH, 0.5, 0.6001, differ("it"), id="number: beyond the tolerance"),
    pytest.param(TENTH, {"p": [0.1, 0.9], "l": "x"}, {"p": [0.15, 0.85], "l": "x"}, EQUAL, id="number: all inside"),
    pytest.param(TENTH, {"p": [0.1, 0.9], "l": "x"}, {"p": [0.3, 0.7], "l": "y"}, differ("it/l", "it/p/*"),
                 id="number: one field for all items, and all else exactly"),
    pytest.param(TENTH, float("inf"), float("inf"), EQUAL, id="number: infinity is itself"),
    pytest.param(TENTH, float("inf"), 1e308, differ("it"), id="number: infinity is far from all else"),
    pytest.param(TENTH, 10**400, 1.0, differ("it"), id="number: a whole number beyond floats"),
    pytest.param(TENTH, 10**400, 10**400 + 1, differ("it"), id="number: two whole numbers beyond floats"),
    pytest.param(TENTH, "0.5", 0.5, differ("it"), id="number: a text is none"),
    pytest.param(SHARE, 90, 100, EQUAL, id="share: of the larger"),
    pytest.param(SHARE, 89, 100, differ("it"), id="share: beyond"),
    pytest.param(SHARE, 0, 0.0, EQUAL, id="share: of zero"),
    pytest.param(SHARE, 0, 1e-9, differ("it"), id="share: nothing is near zero but zero"),
    pytest.param({"label": {}}, "cat", "cat", EQUAL, id="label: a name"),
    pytest.param({"label": {}}, "cat", "dog", differ("it"), id="label: another name"),
    pytest.param({"label": {}}, 3, 3.0, EQUAL, id="label: a number"),
    pytest.param({"label": {}}, [0.2, 0.8], [0.45, 0.55], EQUAL, id="label: the place of the highest score"),
    pytest.param({"label": {}}, {"cat": 0.9, "dog": 0.1}, {"dog": 0.6, "cat": 0.4}, differ("it"), id="label: by name"),
    pytest.param({"label": {}}, {"cat": 0.9, "dog": 0.1}, "cat", EQUAL, id="label: two shapes of one class"),
    pytest.param({"label": {}}, [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}],
                 [{"label": "dog", "score": 0.2}, {"label": "cat", "score": 0.8}], EQUAL, id="label: a list of both"),
    pytest.param({"label": {}}, [0.5, NAN], [0.5, NAN], EQUAL, id="label: what is no ranking is compared as it is"),
    pytest.param({"label": {}}, [], [0.5], differ("it"), id="label: no class at all"),
    pytest.param(TOP, ["a", "b", "c"], ["b", "a", "d"], EQUAL, id="top k: in any order, and nothing behind them"),
    pytest.param(TOP, [0.1, 0.5, 0.4], [0.3, 0.5, 0.2], differ("it"), id="top k: another class among them"),
    pytest.param(TOP, {"a": 0.9, "b": 0.05, "c": 0.05}, {"a": 0.8, "b": 0.15, "c": 0.05}, EQUAL, id="top k: by name"),
    pytest.param({"set": {}}, [1, {"a": [2]}, "x"], ["x", 1.0, {"a": [2]}], EQUAL, id="set: in any order"),
    pytest.param({"set": {}}, [1, 1, 2], [1, 2, 2], differ("it"), id="set: each as often"),
    pytest.param({"set": {}}, [True], [1], differ("it"), id="set: true is no 1"),
    pytest.param({"set": {}}, [NAN], [NAN], EQUAL, id="set: NaN is NaN"),
    pytest.param({"set": {}}, "ab", "ba", differ("it"), id="set: a text is none, and is compared as it is"),
    pytest.param(EDIT, "the cat sat", "the cat sat down", EQUAL, id="text: near enough"),
    pytest.param(EDIT, "the cat sat", "sat the cat", differ("it"), id="text: the order of words counts"),
    pytest.param(OVERLAP, "the cat sat", "sat the cat", EQUAL, id="overlap: it does not count"),
    pytest.param(OVERLAP, "the cat sat", "the dog ran", differ("it"), id="overlap: other words"),
    pytest.param(EDIT, "", "", EQUAL, id="text: nothing and nothing"),
    pytest.param(EDIT, "", "word", differ("it"), id="text: nothing and something"),
    pytest.param(EDIT, ["a"], ["a"], EQUAL, id="text: what is none is compared as it is"),
    pytest.param(EDIT, "a", None, differ("it"), id="text: null is none"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "first", "second", "expected"), VALUES)
def test_an_output_is_compared_in_the_declared_way_whichever_answer_comes_first(way, first, second, expected):
    assert values(first, second, **output(**way)) == expected
    assert values(second, first, **output(**way)) == expected


def test_without_outputs_the_whole_answer_is_compared_with_numbers_a_tenth_apart():
    assert values({"price": 1.0, "sku": "a"}, {"price": 1.05, "sku": "a"}) == EQUAL
    assert values({"price": 1.0, "sku": "a"}, {"price": 1.2, "sku": "b"}) == differ("answer/price", "answer/sku")


def test_every_output_has_a_result_of_its_own():
    shadow = {"outputs": [{"name": name, "path": f"/{name}", "exact": {}} for name in ("a", "b", "c")]}
    result = compare(Reading(200, {"a": 1, "b": 1}), Reading(200, {"a": 1, "b": 2}), rules(**shadow))
    assert result.result is PairResult.DIFFERENT
    assert result.outputs == (("a", OutputResult.EQUAL), ("b", OutputResult.DIFFERENT), ("c", OutputResult.MISSING))


def test_an_output_that_stands_in_one_answer_alone_differs():
    assert values({"a": 1}, {}, **output("/a", **EXACT)) == differ("it")


@pytest.mark.parametrize("path", ["/a", "/list/2", "/list/01", "/list/-", "/list/x", "/text/0", "/null/a"])
def test_a_pair_without_any_declared_output_is_not_comparable(path):
    value = {"list": [1, 2], "text": "abc", "null": None}
    assert values(value, value, **output(path, **EXACT)) == not_comparable(Reason.MISSING)


def test_names_of_fields_are_bounded_in_number_and_length_whichever_answer_comes_first():
    key = "k" * 10_000
    first, second = ({key: {f"{number}": number + add for number in range(5_000)}} for add in (0, 1))
    compared = compare(answer(first), answer(second), rules())
    assert len(compared.fields) == 1  # all are cut at the same place
    assert compared.fields[0] == "answer/" + "k" * 116 + "..."

    first, second = ({f"{number}": number + add for number in range(5_000)} for add in (0, 1))
    one, other = (
        compare(*both, rules()) for both in ((answer(first), answer(second)), (answer(second), answer(first)))
    )
    assert len(one.fields) == 200
    assert one == other


@pytest.mark.parametrize(
    ("redact", "path", "fields"),
    [
        pytest.param([], "", ("it/users/ann@example.com/1/age",), id="nothing"),
        pytest.param(["/users"], "", ("it/users",), id="the field above it"),
        pytest.param(["/users/*"], "", ("it/users/ann@example.com",), id="what every name holds, not the names"),
        pytest.param(["/users/*/1"], "", ("it/users/ann@example.com/1",), id="a field below it"),
        pytest.param(["/users", "/users/*/1"], "", ("it/users",), id="the first of two"),
        pytest.param(["/other", "/users/bob"], "", ("it/users/ann@example.com/1/age",), id="another place"),
        pytest.param(["/users"], "/users", ("it",), id="the output itself"),
        pytest.param(["/users"], "/users/ann@example.com", ("it",), id="a field above the output"),
    ],
)
def test_a_name_of_a_field_ends_where_answers_must_not_be_read(redact, path, fields):
    first, second = ({"users": {"ann@example.com": {"1": {"age": age}}}} for age in (1, 2))
    found = told(answer(first), answer(second), **output(path, exact={}), evidence={"redact": redact})
    assert found == (PairResult.DIFFERENT, None, fields)


def test_of_a_list_the_name_of_a_field_ends_where_one_item_must_not_be_read():
    first, second = ({"users": [{"ann@example.com": 1}, {"ann@example.com": age}]} for age in (1, 2))
    found = told(answer(first), answer(second), **output(exact={}), evidence={"redact": ["/users/0"]})
    assert found == (PairResult.DIFFERENT, None, ("it/users/*",))


def test_ignored_places_are_not_compared():
    first = {"id": "a", "items": [{"price": 1, "time": 1}, {"price": 2, "time": 2}], "time": 3}
    second = {"id": "b", "items": [{"price": 1, "time": 8}, {"price": 2}], "time": 3}
    assert values(first, second) == differ("answer/id", "answer/items/*/time")
    assert values(first, second, ignore=["/id", "/items/*/time"]) == EQUAL
    assert values(first, second, ignore=["/*"]) == EQUAL
    assert first["items"][0]["time"] == 1


PRICES = {"outputs": [{"name": "price", "path": "/1/price", "number": {}}]}
LEFT_OUT = [
    pytest.param({}, ["/1"], [1, 2], [1, 3], EQUAL, id="an item"),
    pytest.param({}, ["/0", "/1"], [1, 2, 3], [1, 99, 3], EQUAL, id="two items: the second is not the third"),
    pytest.param({}, ["/0", "/1"], [1, 2, 3], [1, 2, 99], differ("answer/*"), id="two items: the third counts"),
    pytest.param({}, ["/2"], [1, 2, 3], [1, 2], EQUAL, id="a last item that one has alone"),
    pytest.param({}, ["/0"], [1, 2, 3], [1, 2], differ("answer"), id="a first item: the length counts"),
    pytest.param(PRICES, ["/0"], [0, {"price": 1}], [5, {"price": 9}], differ("price"), id="outputs stay in place"),
    pytest.param(PRICES, ["/1"], [0, {"price": 1}], [0, {"price": 1}], not_comparable(Reason.MISSING),
                 id="an output that is ignored is missing"),
    pytest.param(output(label={}), ["/0"], [9, 0.2, 0.8], [0, 0.4, 0.6], EQUAL, id="a class that must not win"),
    pytest.param(output(topK={"k": 1}), ["/0"], ["a", "b", "c"], ["d", "b", "e"], EQUAL, id="a name that does not"),
    pytest.param(output(set={}), ["/0"], [1, 2, 3], [9, 3, 2], EQUAL, id="an item of a set"),
    pytest.param({}, ["/a", "/a/b", "/c"], {"a": {"b": 1}, "c": 2}, {"a": {"b": 3}}, EQUAL, id="a place in another"),
    pytest.param({}, ["/*/b", "/a/c"], {"a": {"b": 1, "c": 2, "d": 3}}, {"a": {"d": 3}}, EQUAL,
                 id="a field by its name and as every field"),
    pytest.param({}, ["/*/*", "/*/a"], {"*": {"a": 1}}, {"*": {"b": 2}}, EQUAL, id="a field whose name is a star"),
    pytest.param({}, ["/0", "/*"], [1, 2, 3], [], EQUAL, id="every item, and one of them"),
]  # fmt: skip


@pytest.mark.parametrize(("outputs", "ignore", "first", "second", "expected"), LEFT_OUT)
def test_what_is_ignored_moves_nothing_else(outputs, ignore, first, second, expected):
    assert values(first, second, **outputs, ignore=ignore) == expected
    assert values(second, first, **outputs, ignore=ignore[::-1]) == expected


ANSWERS = [
    pytest.param(answer({"a": 1}), answer({"a": 1}), EQUAL, id="the same JSON"),
    pytest.param(answer({"a": 1}), answer(b'{"a":1.0}', content_type="text/plain"), EQUAL, id="JSON by its looks"),
    pytest.param(answer({"a": 1}), answer(gzip.compress(b'{"a": 1}'), encoding="gzip"), EQUAL, id="one of them gzip"),
    pytest.param(answer({"a": 1}), answer(gzip.compress(b'{"a"') + gzip.compress(b": 1}"), encoding="gzip"), EQUAL,
                 id="gzip in two members"),
    pytest.param(answer({"a": 1}), answer(gzip.compress(b'{"a": 1}') + b"more", encoding="gzip"),
                 not_comparable(Reason.UNREADABLE), id="gzip with something behind it"),
    pytest.param(answer(b"", encoding="gzip"), answer(b""), not_comparable(Reason.EMPTY), id="nothing, packed"),
    pytest.param(answer({"a": 1}), answer(zlib.compress(b'{"a": 1}'), encoding="deflate"), EQUAL, id="deflate"),
    pytest.param(answer(), answer(zlib.compress(b"{}")[:-1], encoding="deflate"), not_comparable(Reason.UNREADABLE),
                 id="deflate that was cut"),
    pytest.param(answer(), answer(zlib.compress(b" " * 10**7), encoding="deflate"), not_comparable(Reason.TOO_LARGE),
                 id="deflate that unpacks beyond the limit"),
    pytest.param(answer(b"yes", content_type="text/plain"), answer(b"yes", content_type=""), EQUAL, id="plain text"),
    pytest.param(answer("ä"), answer('"ä"'.encode("latin-1"), content_type=f"{JSON}; charset=latin-1"), EQUAL,
                 id="another charset"),
    pytest.param(answer({"a": 1}), answer({"a": 1}, status=201), differ(":status"), id="two kinds of success"),
    pytest.param(answer(), answer(b"no such model", status=404), differ(":status"), id="a refusal by one alone"),
    pytest.param(answer(b"", status=204), answer({"a": 1}), differ(":status"), id="204 beside an answer"),
    pytest.param(answer(b""), answer({"a": 1}), differ("answer"), id="an empty body beside an answer"),
    pytest.param(answer(b"", status=204), answer(b"", status=204), not_comparable(Reason.EMPTY), id="204 twice"),
    pytest.param(answer(b" \n"), answer(b""), not_comparable(Reason.EMPTY), id="empty twice"),
    pytest.param(answer(status=401), answer(status=401), not_comparable(Reason.ERROR_STATUS), id="a refusal by both"),
    pytest.param(answer(), answer(status=500), not_comparable(Reason.ERROR_STATUS), id="a server error"),
    pytest.param(answer(), answer(status=429), not_comparable(Reason.ERROR_STATUS), id="too busy"),
    pytest.param(answer(), answer(b"{"), not_comparable(Reason.NOT_JSON), id="no JSON where it says so"),
    pytest.param(answer(), answer(b"{", content_type="application/problem+json"), not_comparable(Reason.NOT_JSON),
                 id="no JSON of a kind"),
    pytest.param(answer(), answer(b"\xff\xd8\xff", content_type="image/jpeg"), not_comparable(Reason.UNREADABLE),
                 id="bytes that are no text"),
    pytest.param(answer(), answer(b"x", encoding="br"), not_comparable(Reason.UNREADABLE), id="an unknown encoding"),
    pytest.param(answer(), answer(b"x", encoding="gzip"), not_comparable(Reason.UNREADABLE), id="no gzip"),
    pytest.param(answer(), answer(gzip.compress(b"{}")[:-4], encoding="gzip"), not_comparable(Reason.UNREADABLE),
                 id="gzip that was cut"),
    pytest.param(answer(), answer(gzip.compress(b" " * 10**7), encoding="gzip"), not_comparable(Reason.TOO_LARGE),
                 id="gzip that unpacks beyond the limit"),
    pytest.param(answer(b"[" * 5000 + b"]" * 5000), answer(), not_comparable(Reason.UNREADABLE),
                 id="nesting that nobody can follow"),
    pytest.param(answer(b"[" * 101 + b"]" * 101), answer(b"[" * 101 + b"1" + b"]" * 101),
                 not_comparable(Reason.UNREADABLE), id="nesting beyond the limit"),
    pytest.param(answer(b"[" * 100 + b"]" * 100), answer(b"[" * 100 + b"]" * 100), EQUAL, id="nesting at the limit"),
    pytest.param(answer(b"NaN"), answer(b"NaN"), EQUAL, id="NaN, which is no JSON, is read"),
    pytest.param(answer(), Failure(Reason.TIMEOUT, 2.0), not_comparable(Reason.TIMEOUT), id="a timeout"),
    pytest.param(Failure(Reason.CONNECTION, 0.1), Failure(Reason.TIMEOUT, 2.0), not_comparable(Reason.TIMEOUT),
                 id="of two reasons always the same one"),
    pytest.param(answer(status=500), Failure(Reason.TIMEOUT, 2.0), not_comparable(Reason.TIMEOUT),
                 id="a failure before an error status"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "expected"), ANSWERS)
def test_answers_are_read_before_they_are_compared(first, second, expected):
    assert told(first, second) == expected
    assert told(second, first) == expected


def events(*data, end="\n"):
    return (end * 2).join(f"event: m{end}data: {line}" for line in data).encode() + (end * 2).encode()


def chat(*pieces):
    return [json.dumps({"choices": [{"delta": {"content": piece}}]}) for piece in pieces]


def called(name, *arguments):
    calls = [{"id": f"call-{name}", "function": {"name": name, "arguments": ""}}]
    calls += [{"function": {"arguments": piece}} for piece in arguments]
    return [json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}) for call in calls]


STREAMS = [
    pytest.param(events(*chat("The ", "cat"), "[DONE]"), "The cat", id="chat completions"),
    pytest.param(events('{"choices": [{"delta": {"role": "assistant"}}]}', *chat("Hi")), "Hi", id="a role is no text"),
    pytest.param(events('{"choices": [{"text": "a"}]}', '{"choices": [{"text": "b"}]}'), "ab", id="completions"),
    pytest.param(events('{"token": {"text": "a"}}', '{"token": {"text": "b"}}', end="\r\n"), "ab", id="CRLF"),
    pytest.param(events('{"text_output": "a"}', '{"text_output": "b"}'), "ab", id="generate_stream"),
    pytest.param(events('{"type": "content_block_delta", "delta": {"text": "a"}}'), "a", id="deltas of text"),
    pytest.param(events("one", "two"), "one\ntwo", id="data that is no JSON"),
    pytest.param(b"data: a\ndata: b\n\n", "a\nb", id="an event of two lines"),
    pytest.param(b'data: {"token":\r\ndata: {"text": "a"}}\r\n\r\n', "a", id="JSON of two lines"),
    pytest.param(events(*called("refund", '{"id', '": 1}')), '\nrefund\n{"id": 1}', id="a tool that is called"),
    pytest.param(events(*chat("", "I look."), *called("a", "{}"), *called("b", "{}")), "I look.\na\n{}\nb\n{}",
                 id="tools that are called after some text"),
    pytest.param(events('{"content_block": {"type": "tool_use", "name": "refund", "input": {}}}',
                        *(f'{{"delta": {{"partial_json": "{piece}"}}}}' for piece in ("{}", ""))), "\nrefund\n{}",
                 id="a tool that is called in a block"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), STREAMS)
def test_a_stream_is_joined_to_its_text(body, text):
    assert answer(body, content_type="text/event-stream; charset=utf-8") == Reading(200, {"text": text})


FAILED_AT_ONCE, FAILED_LATER = (
    events(*chat("", *pieces), '{"error": {"message": "out of memory"}}', "[DONE]") for pieces in ([], ["Hel"])
)
STREAMED = [
    pytest.param(events(*chat("Hel", "lo")), events(*chat("Hello")), EQUAL, id="one text, cut at different places"),
    pytest.param(events(*chat(""), *called("refund", "{}")), events(*chat(""), *called("delete_account", "{}")),
                 differ("answer/text"), id="two tools that are called"),
    pytest.param(b": ping\n\n", b": ping\n\n", not_comparable(Reason.EMPTY), id="comments alone"),
    pytest.param(events(*chat("", " "), "[DONE]"), events("[DONE]"), not_comparable(Reason.EMPTY), id="no text"),
    pytest.param(events(*chat("Hi")), events(*chat("")), differ("answer"), id="no text beside one"),
    pytest.param(FAILED_LATER, FAILED_LATER, not_comparable(Reason.ERROR_STATUS), id="an error after some text"),
    pytest.param(events(*chat("Hel")), FAILED_AT_ONCE, not_comparable(Reason.ERROR_STATUS),
                 id="an error in place of text"),
    pytest.param(events('{"error": "no such model"}'), events(*chat("Hi")), not_comparable(Reason.ERROR_STATUS),
                 id="an error alone"),
    pytest.param(events('{"error": null, "text_output": "a"}'), events('{"error": 0.1, "text_output": "a"}'), EQUAL,
                 id="what is called an error and is none"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "expected"), STREAMED)
def test_streams_are_equal_only_where_they_say_the_same(first, second, expected):
    one, other = (answer(body, content_type="text/event-stream") for body in (first, second))
    assert told(one, other) == expected
    assert told(other, one) == expected


def test_a_stream_equals_another_that_is_cut_elsewhere():
    one, other = (answer(events(*chat(*pieces)), content_type="text/event-stream") for pieces in (["ab", "c"], ["abc"]))
    assert told(one, other, **output("/text", **EDIT)) == EQUAL


def test_numbers_are_told_for_outputs_that_are_compared_as_numbers():
    shadow = rules(outputs=[{"name": "p", "path": "/p", **TENTH}, {"name": "l", "path": "/l", "exact": {}}])
    assert list(numbers(answer({"p": 0.5, "l": 1}), shadow)) == [("p", 0.5)]
    for value in ("x", True, NAN, 10**400, [0.5], None):
        assert list(numbers(Reading(200, {"p": value}), shadow)) == []
    assert list(numbers(answer({"p": 0.5}, status=500), shadow)) == []
    assert list(numbers(Failure(Reason.TIMEOUT, 1.0), shadow)) == []


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
JSONS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "label", "score"]), inner),
    max_leaves=12,
)
WAYS = st.sampled_from([EXACT, TENTH, SHARE, {"label": {}}, TOP, {"set": {}}, EDIT, OVERLAP])
PATHS = st.sampled_from(["", "/a", "/0", "/a/b"])
BODIES = st.binary(max_size=40) | JSONS.map(lambda value: json.dumps(value).encode()) | st.just(gzip.compress(b"[1]"))
RAW = st.builds(
    Answer,
    status=st.sampled_from([200, 204, 400, 404, 429, 500]),
    body=BODIES,
    seconds=st.just(0.1),
    content_type=st.sampled_from(["", JSON, "text/plain", "text/event-stream", "application/json; charset=x", ";="]),
    encoding=st.sampled_from(["", "gzip", "deflate", "br", "GZIP"]),
)


@settings(max_examples=300)
@given(JSONS, JSONS, WAYS, PATHS)
def test_comparing_any_two_values_is_symmetric_and_a_value_equals_itself(first, second, way, path):
    declared = rules(**output(path, **way), ignore=["/*/a"])
    one, other = Reading(200, first), Reading(200, second)
    assert compare(one, other, declared) == compare(other, one, declared)
    assert compare(one, one, declared).result in (PairResult.EQUAL, PairResult.NOT_COMPARABLE)
    if path == "":
        assert compare(one, one, declared).result is PairResult.EQUAL


@settings(max_examples=300)
@given(RAW, RAW, WAYS, PATHS)
def test_no_pair_of_bodies_is_a_fault(first, second, way, path):
    declared = rules(**output(path, **way))
    one, other = (read(raw, most_bytes=30) for raw in (first, second))
    result = compare(one, other, declared)
    assert compare(other, one, declared) == result
    assert (result.result is PairResult.DIFFERENT) == bool(result.fields)
    assert (result.result is PairResult.NOT_COMPARABLE) == (result.reason is not None)
