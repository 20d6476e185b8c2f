"""Settings of a process from flags, each with an environment variable beside it (``MEXP_HTTP_ADDRESS`` ...).

A process declares a frozen dataclass; names, defaults and types of its fields are those of the flags.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from model_experiment.errors import SettingsError

PREFIX = "MEXP_"
WRONG_SETTINGS = 2  # exit code
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_LARGEST_PORT = 65535

Settings = TypeVar("Settings")


def add_flags(parser: ArgumentParser, kind: type[Any], meanings: Mapping[str, str]) -> None:
    """One flag a setting, named after it."""
    for field in fields(kind):
        default = f" (default {field.default})" if field.default is not None else ""
        parser.add_argument(f"--{flag(field.name)}", help=meanings[field.name] + default)


def from_flags(kind: Callable[..., Settings], flags: Namespace, environment: Mapping[str, str]) -> Settings:
    """Settings from flags, else from the environment, else the defaults; an empty variable is none.

    Raises:
        SettingsError: if one is wrong; the text names all faults that the settings find in themselves.
    """
    given = {
        field.name: _typed(field.name, value, type(field.default))
        for field in fields(cast("type[Any]", kind))
        if (value := getattr(flags, field.name, None) or environment.get(PREFIX + field.name.upper()))
    }
    return kind(**given)


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


def level_faults(level: str) -> Iterator[str]:
    """What is wrong with a level of the log."""
    if level not in LEVELS:
        yield f"log-level must be one of {', '.join(LEVELS)}, found {level!r}"


def _typed(name: str, text: str, kind: type) -> str | int:
    if kind is not int:
        return text
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(f"{flag(name)} must be a whole number, found {text!r}") from error
