"""istiod's debug pages, asked in the background: what it made for each gateway, and what the gateways took of it.

For: ``MeshState``. The pages are ``adsz`` (who is connected, with labels), ``config_dump`` (what istiod makes from the
very state that it last pushed to a proxy), ``syncz`` (sent, acknowledged, refused). The traps: the pages want a token
unless they are asked from istiod's own host, an istiod knows only the proxies that are connected to itself, and
``adsz`` and ``syncz`` list every sidecar of the mesh, so nobody looks while nothing is open.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from model_experiment.objects import Manifest
from model_experiment.routing.mesh_state import Proxy, is_own_route

log = logging.getLogger(__name__)

_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
Labels = frozenset[tuple[str, str]]


class Istiod:
    """One istiod, by the URL of its HTTP port."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._wanted: set[Labels] = set()
        self._proxies: tuple[Proxy, ...] | None = None
        self._looking: asyncio.Task[None] | None = None

    def proxies(self) -> tuple[Proxy, ...] | None:
        """See the port."""
        return self._proxies

    def look(self, selector: Mapping[str, str]) -> None:
        """See the port."""
        self._wanted.add(frozenset(selector.items()))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self.refresh())

    async def refresh(self) -> None:
        """Looks once; afterwards ``proxies`` is as new as this."""
        try:
            async with aiohttp.ClientSession(timeout=self._timeout) as session:
                self._proxies = await self._ask(session)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, KeyError) as error:
            log.warning("%s must answer with its debug pages, found %s %s", self._url, type(error).__name__, error)
            self._proxies = None

    async def _ask(self, session: aiohttp.ClientSession) -> tuple[Proxy, ...]:
        connected = (await self._page(session, "adsz")).get("clients", [])
        labels = {_proxy_id(client): client.get("labels", {}) for client in connected}
        wanted = [name for name, has in labels.items() if any(one <= has.items() for one in self._wanted)]
        routes = {name: await self._routes(session, name) for name in wanted}
        # Asked last: what is acknowledged now was sent no earlier than what the dump was made from.
        states = {each["proxy"]: each["resources"].get(_ROUTES, {}) for each in await self._page(session, "syncz")}
        before = {proxy.name: proxy.routes for proxy in self._proxies or ()}
        return tuple(
            Proxy(
                name,
                labels[name],
                routes[name],
                confirmed=before.get(name) == routes[name],
                acknowledged=bool(states[name].get("sent")) and states[name]["sent"] == states[name].get("acked"),
                refusal=states[name].get("lastError", ""),
            )
            for name in wanted
            if name in states
        )

    async def _routes(self, session: aiohttp.ClientSession, proxy: str) -> tuple[Manifest, ...]:
        dump = await self._page(session, f"config_dump?types=RDS&proxyID={quote(proxy)}")
        hosts = [host for table in dump.get("configs", []) for host in table.get("virtualHosts", [])]
        return tuple(route for host in hosts for route in host.get("routes", []) if is_own_route(route))

    async def _page(self, session: aiohttp.ClientSession, page: str) -> Any:
        async with session.get(f"{self._url}/debug/{page}", raise_for_status=True) as answer:
            return json.loads(await answer.read())


def _proxy_id(client: Manifest) -> str:
    """The proxy of a connection, whose number comes after it."""
    name: str = client["connectionId"].rpartition("-")[0]
    return name
