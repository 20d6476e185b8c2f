"""JSON Web Tokens that a gateway can check, and the SecurityPolicy that demands them."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs with one key; a policy that knows the key takes its tokens and no other's."""

    key: bytes

    @property
    def bearer(self) -> dict[str, str]:
        """The header of a request that carries a token."""
        head, claims = (_encoded(json.dumps(part).encode()) for part in (_HEAD, {"iss": "shop", "sub": "anna"}))
        signature = hmac.new(self.key, f"{head}.{claims}".encode(), hashlib.sha256).digest()
        return {"authorization": f"Bearer {head}.{claims}.{_encoded(signature)}"}

    @property
    def keys(self) -> str:
        """The key set, as a policy refers to it."""
        return json.dumps({"keys": [{**_HEAD, "kty": "oct", "kid": "one", "k": _encoded(self.key)}]})

    @property
    def jwt(self) -> Manifest:
        """The part of a SecurityPolicy that demands a token of this issuer."""
        keys = {"type": "Inline", "inline": self.keys}
        return {"jwt": {"providers": [{"name": "shop", "issuer": "shop", "localJWKS": keys}]}}


_HEAD = {"alg": "HS256", "typ": "JWT"}


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def policy_manifest(
    namespace: str, kind: str = "SecurityPolicy", *, name: str = "members-only", route: str = "ranker", **spec: Any
) -> Manifest:
    """A policy of Envoy Gateway on a route of its namespace; the other keywords are its spec."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"targetRefs": [target], **spec},
    }
