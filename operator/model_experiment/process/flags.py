"""Settings of a process from flags, each with an environment variable beside it (``MEXP_HTTP_ADDRESS`` ...).

A process declares a frozen dataclass; names, defaults and types of its fields are those of the flags.
"""

import re
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from typing import Any, TypeVar, cast

from model_experiment.errors import SettingsError

PREFIX = "MEXP_"
WRONG_SETTINGS = 2  # exit code
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_LARGEST_PORT = 65535
_DOMAIN = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

Settings = TypeVar("Settings")


def setting(meaning: str, default: Any = MISSING) -> Any:
    """A field of such a dataclass; the meaning is the help of its flag. Without a default it must be given."""
    return field(default=default, metadata={"meaning": meaning})


def read(
    kind: Callable[..., Settings], parser: ArgumentParser, arguments: Sequence[str], environment: Mapping[str, str]
) -> Settings:
    """Settings from flags, else from the environment, else the defaults; an empty variable is none.

    Raises:
        SettingsError: if one is missing or wrong; the text names all faults that the settings find in themselves.
    """
    known = fields(cast("type[Any]", kind))
    for each in known:
        default = "" if each.default in (None, MISSING) else f" (default {each.default})"
        parser.add_argument(f"--{flag(each.name)}", metavar="VALUE", help=each.metadata["meaning"] + default)
    told = vars(parser.parse_args(arguments))
    texts = {each: told[each.name] or environment.get(PREFIX + each.name.upper()) for each in known}
    missing = [each.name for each, text in texts.items() if not text and each.default is MISSING]
    if missing:
        name = flag(missing[0])
        raise SettingsError(f"{name} must be given, by --{name} or {PREFIX}{missing[0].upper()}")
    return kind(**{each.name: _typed(each, text) for each, text in texts.items() if text})


def flag(name: str) -> str:
    """The flag of a setting, without its dashes before."""
    return name.replace("_", "-")


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of ``host:port``; an IPv6 host stands in brackets.

    Raises:
        ValueError: if there are no such parts.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _LARGEST_PORT:
        raise ValueError(f"must be host:port with a port of at most {_LARGEST_PORT}, found {address!r}")
    return host.strip("[]"), int(port)


def address_faults(settings: Any, *names: str) -> Iterator[str]:
    """What is wrong with the settings of these names, which must be addresses."""
    for name in names:
        try:
            host_and_port(getattr(settings, name))
        except ValueError as error:
            yield f"{flag(name)} {error}"


def domain_faults(domain: str) -> Iterator[str]:
    """What is wrong with the domain of a cluster."""
    if not _DOMAIN.fullmatch(domain):
        yield f"cluster-domain must be a DNS name such as svc.cluster.local, found {domain!r}"


def level_faults(level: str) -> Iterator[str]:
    """What is wrong with a level of the log."""
    if level not in LEVELS:
        yield f"log-level must be one of {', '.join(LEVELS)}, found {level!r}"


def _typed(known: Field[Any], text: str) -> str | float:
    if known.type not in (int, float):
        return text
    try:
        return int(text) if known.type is int else float(text)
    except ValueError as error:
        wanted = "a whole number" if known.type is int else "a number"
        raise SettingsError(f"{flag(known.name)} must be {wanted}, found {text!r}") from error
