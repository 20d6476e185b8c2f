"""What may be asked again, and what a model gets to see."""

import pytest

from model_experiment.api.parsing import parse_shadow
from model_experiment.comparator.copies import forwarded, is_replayed

REPLAY = [{"method": "POST", "path": "/v2/models"}, {"method": "PUT", "path": "/cache/"}]

REQUESTS = [
    pytest.param("GET", "/", True, id="GET changes nothing"),
    pytest.param("GET", "/a/../b?c", True, id="GET, whatever the path"),
    pytest.param("HEAD", "/v2/models", False, id="HEAD has no answer to compare"),
    pytest.param("POST", "/v2/models", True, id="the path itself"),
    pytest.param("POST", "/v2/models/a/infer?x=1", True, id="a path below it"),
    pytest.param("POST", "/v2/models/", True, id="the path with a slash"),
    pytest.param("POST", "/v2/models-a", False, id="an element that only begins alike"),
    pytest.param("POST", "/v2", False, id="a path above"),
    pytest.param("POST", "/v2/models/../../admin", False, id="a path that leads out"),
    pytest.param("POST", "/v2/models/%2E%2e/admin", False, id="a path that leads out, escaped"),
    pytest.param("POST", "/v2/models/..%2fadmin", False, id="a path that leads out by an escaped slash"),
    pytest.param("POST", "/v2/models/..%5cadmin", False, id="a path that leads out by a backslash"),
    pytest.param("POST", "/v2/models/./a", False, id="a path with a dot"),
    pytest.param("POST", "/v2/models//a", False, id="a path with an empty element"),
    pytest.param("POST", "/v2/models/..;/admin", False, id="a path that leads out behind a parameter"),
    pytest.param("POST", "/v2/models/.%2e;a=b/admin", False, id="a path that leads out, escaped, behind a parameter"),
    pytest.param("POST", "/v2/models/..%20/admin", False, id="a path that leads out before a space"),
    pytest.param("POST", "/v2/models/%252e%252e/admin", False, id="a path that leads out, escaped twice"),
    pytest.param("POST", "/v2/models/..%00/admin", False, id="a path that leads out before a control character"),
    pytest.param("POST", "/v2/models/%c0%ae%c0%ae/admin", False, id="a path that leads out in bytes that are no text"),
    pytest.param("POST", "/v2/models/gr%C3%B6%C3%9Fe;v=1/a%20b..", True, id="a path that leads nowhere else, escaped"),
    pytest.param("POST", "http://other/v2/models", False, id="a whole URL"),
    pytest.param("GET", "http://other/", False, id="a whole URL with GET"),
    pytest.param("GET", "*", False, id="no path"),
    pytest.param("PUT", "/cache", True, id="a prefix with a slash means the same"),
    pytest.param("PUT", "/v2/models", False, id="a path of another method"),
    pytest.param("DELETE", "/v2/models", False, id="another method"),
    pytest.param("GET", "/caf\udce9", False, id="bytes that no URL has"),
    pytest.param("get", "/", False, id="methods have capitals"),
]


@pytest.mark.parametrize(("method", "target", "expected"), REQUESTS)
def test_what_may_change_something_is_asked_again_only_where_the_spec_says_so(method, target, expected):
    assert is_replayed(method, target, parse_shadow({"replay": REPLAY}).replay) is expected


def test_nothing_but_get_is_asked_again_by_default():
    assert not is_replayed("POST", "/", parse_shadow(None).replay)


def test_a_prefix_of_a_slash_is_every_path():
    replay = parse_shadow({"replay": [{"method": "POST", "path": "/"}]}).replay
    assert is_replayed("POST", "/any/path", replay)
    assert is_replayed("POST", "/", replay)


CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range")


def test_headers_of_one_connection_and_conditions_stay_behind():
    given = [
        ("Host", "shop"),
        ("Connection", "X-Hop , close"),
        ("X-Hop", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Cookie", "a=b"),
        *((name, "x") for name in CONDITIONS),
        ("Accept-Encoding", "br"),
        ("Accept", "a"),
        ("Accept", "b"),
        ("X-Name", "Jos\u00e9"),
        ("X-Broken", "Jos\udce9"),
    ]
    assert forwarded(given) == (
        ("cookie", "a=b"),
        ("accept-encoding", "gzip"),
        ("accept", "a"),
        ("accept", "b"),
        ("x-name", "Jos\u00e9"),
        ("x-shadow", "1"),
    )
