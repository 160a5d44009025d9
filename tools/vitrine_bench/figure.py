"""One figure of ./bench: what is measured, the bar it must reach, and the peer measured in the same run."""

import dataclasses
from typing import Callable, Optional


class Unavailable(Exception):
    """A measurement cannot be made here; the message is the reason."""


@dataclasses.dataclass
class Settings:
    """How long and how often each measurement is made; ./bench sets them from its options."""

    runs: int = 3
    seconds: int = 2
    guest_timeout_s: float = 120.0


settings = Settings()


@dataclasses.dataclass
class Result:
    """`ours` and `peer` in `unit`; `met` says whether the bar is reached, None when that cannot be told."""

    unit: str
    ours: float
    peer: Optional[float] = None
    met: Optional[bool] = None
    note: str = ""


@dataclasses.dataclass
class Figure:
    """`measure` gives a Result or raises Unavailable; `groups` are the set-up groups that it needs."""

    name: str
    about: str
    bar: str
    measure: Callable[[], Result]
    groups: tuple = ("base",)
