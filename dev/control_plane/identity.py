"""Who is who: one certificate authority, the API server's certificate, and a kubeconfig for any name and groups.

For: a control plane whose RBAC is real, so that a missing permission shows. Users are client certificates (common
name = user, organisations = groups), because they can be made while the API server runs. Not for secrecy: the keys lie
readable in the state folder and open nothing but this control plane.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DAYS = "365"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """The folder with the certificate authority, made by ``create_authority``."""

    folder: Path

    @property
    def pair(self) -> Pair:
        return Pair(self.folder / "ca.crt", self.folder / "ca.key")

    def issue(self, file: str, *, name: str, groups: Sequence[str] = (), alternatives: str | None = None) -> Pair:
        """A certificate for a client, or for a server where ``alternatives`` lists its addresses."""
        pair = Pair(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        subject = "".join(f"/O={_escaped(group)}" for group in groups) + f"/CN={_escaped(name)}"
        purpose = "serverAuth" if alternatives else "clientAuth"
        extensions = [f"extendedKeyUsage={purpose}", "basicConstraints=CA:FALSE"]
        extensions += [f"subjectAltName={alternatives}"] if alternatives else []
        added = [word for extension in extensions for word in ("-addext", extension)]
        signer = ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        _openssl(["req", "-x509", *_CURVE, *_files(pair), *signer, "-days", _DAYS, "-subj", subject, *added])
        return pair


def create_authority(folder: Path) -> Authority:
    """A new certificate authority in a new folder."""
    folder.mkdir(parents=True)
    authority = Authority(folder)
    use = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    subject = ["-days", _DAYS, "-subj", "/CN=model-experiment-control-plane"]
    _openssl(["req", "-x509", *_CURVE, *_files(authority.pair), *subject, *use])
    return authority


def write_kubeconfig(path: Path, *, server: str, authority: Path, user: Pair) -> Path:
    """A kubeconfig (JSON, which is YAML) with absolute paths to the certificates."""
    cluster = {"server": server, "certificate-authority": str(authority)}
    client = {"client-certificate": str(user.certificate), "client-key": str(user.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "user", "user": client}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "user", "namespace": "default"}}],
        "current-context": "local",
    }
    path.write_text(json.dumps(config, indent=2))
    return path


def _files(pair: Pair) -> list[str]:
    return ["-out", str(pair.certificate), "-keyout", str(pair.key)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")


def _openssl(arguments: Sequence[str]) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} must succeed, but it said: {done.stderr.strip()}")
