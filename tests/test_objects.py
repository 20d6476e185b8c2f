"""Every answer of an API server, and none at all, becomes an object, None, or one of three errors."""

import asyncio

import pytest
from aiohttp import web

from controller.answering import objects_of
from model_experiment.errors import ClusterError, ConflictError, UnavailableError
from model_experiment.objects import CONFIG_MAP, HTTP_ROUTE

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"
GUARD = [{"op": "test", "path": "/metadata/generation", "value": 3}]
MANIFEST = {
    "apiVersion": HTTP_ROUTE.api_version,
    "kind": "HTTPRoute",
    "metadata": {"namespace": "shop", "name": "ranker"},
}
INVALID = {"message": "spec.rules: Invalid value", "details": {"causes": [{"field": "spec.rules"}]}}


def answers(status, body=None, *, text=None, heard=None):
    """Always this answer; ``heard`` collects the requests."""

    async def answer(request):
        if heard is not None:
            query = dict(request.query)
            heard.append((request.method, request.path, query, request.content_type, await request.text()))
        return web.Response(status=status, text=text) if text is not None else web.json_response(body, status=status)

    return answer


async def get(objects):
    return await objects.get(HTTP_ROUTE, "shop", "ranker")


async def patch(objects):
    return await objects.patch(HTTP_ROUTE, "shop", "ranker", operations=GUARD)


async def create(objects):
    return await objects.create(HTTP_ROUTE, MANIFEST)


async def delete(objects):
    return await objects.delete(HTTP_ROUTE, "shop", "ranker", uid="u-1")


async def everything(objects):
    return await objects.all(HTTP_ROUTE, namespace="shop")


ANSWERS = [
    pytest.param(get, 200, MANIFEST, MANIFEST, id="an object"),
    pytest.param(get, 404, {"message": "not found"}, None, id="no object"),
    pytest.param(patch, 200, MANIFEST, MANIFEST, id="a patched object"),
    pytest.param(patch, 404, {}, None, id="nothing left to patch"),
    pytest.param(create, 201, MANIFEST, MANIFEST, id="a created object"),
    pytest.param(everything, 200, {"items": [MANIFEST]}, [MANIFEST], id="all objects"),
    pytest.param(everything, 404, {}, [], id="no objects of a kind that is not served"),
    pytest.param(delete, 200, {}, None, id="deleted"),
    pytest.param(delete, 404, {}, None, id="deleted by somebody else"),
    pytest.param(delete, 409, {"message": "the UID differs"}, None, id="another object of that name is left alone"),
]


@pytest.mark.parametrize(("call", "status", "body", "result"), ANSWERS)
async def test_an_answer_is_taken_as(call, status, body, result):
    async with objects_of(answers(status, body)) as objects:
        assert await call(objects) == result


PATCH, GET, POST = (f"{method} {ROUTES}" for method in ("PATCH", "GET", "POST"))
REFUSALS = [
    pytest.param(
        patch, 409, {"message": "was modified"}, ConflictError, f"{PATCH}/ranker: was modified", id="a lost race"
    ),
    pytest.param(
        patch,
        422,
        {"message": "the server rejected our request", "details": {}},
        ConflictError,
        f"{PATCH}/ranker: the server rejected our request",
        id="a guard that does not hold",
    ),
    pytest.param(create, 409, {"message": "exists"}, ConflictError, f"{POST}: exists", id="an object that exists"),
    pytest.param(
        patch,
        422,
        INVALID,
        ClusterError,
        f"{PATCH}/ranker answered 422: spec.rules: Invalid value",
        id="an object that is not valid is no lost race",
    ),
    pytest.param(
        create,
        404,
        {},
        ClusterError,
        "the cluster does not serve gateway.networking.k8s.io/v1 HTTPRoute",
        id="a kind that is not served",
    ),
    pytest.param(
        get,
        429,
        {"message": "wait"},
        UnavailableError,
        f"{GET}/ranker answered 429: wait",
        id="a server that is too busy",
    ),
    pytest.param(
        get,
        403,
        {"message": "not allowed"},
        ClusterError,
        f"{GET}/ranker answered 403: not allowed",
        id="no right to it",
    ),
    pytest.param(
        get, 500, {"message": "broken"}, UnavailableError, f"{GET}/ranker answered 500: broken", id="a broken server"
    ),
    pytest.param(
        get,
        503,
        {"kind": "Status"},
        UnavailableError,
        f'{GET}/ranker answered 503: {{"kind": "Status"}}',
        id="no message",
    ),
    pytest.param(
        get, 502, ["bad"], UnavailableError, f'{GET}/ranker answered 502: ["bad"]', id="JSON of another shape"
    ),
    pytest.param(
        get,
        500,
        {"message": "x" * 5000},
        UnavailableError,
        f"{GET}/ranker answered 500: {'x' * 1000}",
        id="a long message",
    ),
]


@pytest.mark.parametrize(("call", "status", "body", "error", "text"), REFUSALS)
async def test_a_refusal_is_told(call, status, body, error, text):
    async with objects_of(answers(status, body)) as objects:
        with pytest.raises(ClusterError) as refused:
            await call(objects)
    assert (type(refused.value), str(refused.value)) == (error, text)


async def test_a_page_of_a_proxy_is_shown_in_part():
    async with objects_of(answers(502, text="<html>" + "y" * 500)) as objects:
        with pytest.raises(ClusterError) as refused:
            await get(objects)
    assert str(refused.value) == f"{GET}/ranker answered 502: <html>{'y' * 194}"


async def test_a_page_of_a_proxy_instead_of_an_object_is_an_error_of_the_cluster():
    async with objects_of(answers(200, text="<html>please log in")) as objects:
        with pytest.raises(ClusterError):
            await get(objects)


async def never(_request):
    await asyncio.Event().wait()


async def falls_silent(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"metadata": ')
    await asyncio.Event().wait()


@pytest.mark.parametrize("answer", [never, falls_silent])
async def test_a_silent_server_is_given_up_within_the_deadline(answer):
    async with asyncio.timeout(30), objects_of(answer, timeout_seconds=0.1) as objects:
        with pytest.raises(UnavailableError, match=f"^GET {ROUTES}/ranker got no answer: TimeoutError"):
            await get(objects)


async def test_a_server_that_is_gone_is_an_error_of_the_cluster():
    async with objects_of(never) as objects:
        objects._api.configuration.host = "http://127.0.0.1:1"
        with pytest.raises(UnavailableError, match=f"^GET {ROUTES}/ranker got no answer: ClientConnectorError"):
            await get(objects)


async def test_a_write_is_guarded():
    heard = []
    async with objects_of(answers(200, {}, heard=heard)) as objects:
        await objects.patch(HTTP_ROUTE, "shop", "ranker", operations=GUARD, subresource="status")
        await objects.delete(CONFIG_MAP, "shop", "ranker-mexp", uid="u-1")
    assert heard == [
        (
            "PATCH",
            f"{ROUTES}/ranker/status",
            {},
            "application/json-patch+json",
            '[{"op": "test", "path": "/metadata/generation", "value": 3}]',
        ),
        (
            "DELETE",
            "/api/v1/namespaces/shop/configmaps/ranker-mexp",
            {},
            "application/json",
            '{"preconditions": {"uid": "u-1"}}',
        ),
    ]


async def test_objects_of_all_namespaces_are_listed_without_one():
    heard = []
    async with objects_of(answers(200, {"items": []}, heard=heard)) as objects:
        await objects.all(HTTP_ROUTE)
    assert heard[0][1] == "/apis/gateway.networking.k8s.io/v1/httproutes"
