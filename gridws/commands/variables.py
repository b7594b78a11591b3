"""The variables `GRIDWS_…`: which of them are nobody's, and which Kubernetes sets for a Service of our name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from typer.core import TyperGroup

from ..settings import ENVIRONMENT_PREFIX
from .mistakes import params_of
from .secrets import VARIABLE

OF_A_SERVICE: Final = re.compile(
    r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)?$"
)
"""What Kubernetes sets in every container for a Service: GRIDWS_SERVICE_HOST, GRIDWS_PORT_8787_TCP_ADDR, …"""
ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


def pass_over(group: TyperGroup) -> Iterator[str]:
    """Take out of the environment what Kubernetes put there, and yield a sentence for each thing to be told.

    Of a Service called gridws it sets GRIDWS_PORT=tcp://10.0.0.1:8787, which is no port. A variable that looks like
    ours and is no option's is misspelt, and would be passed over without a word.
    """
    params = [each for command in group.commands.values() for each in params_of(command)]
    known = {each.envvar for each in params if isinstance(each.envvar, str)} | {VARIABLE}
    ours = {name: value for name, value in sorted(os.environ.items()) if name.startswith(ENVIRONMENT_PREFIX)}
    for name in known & ours.keys():
        if name.endswith("_PORT") and ADDRESS.match(ours[name]):
            del os.environ[name]
            yield f"{name} is passed over: {ours[name]} is what Kubernetes sets for a Service of that name"
    unknown = [name for name in ours if name not in known and not OF_A_SERVICE.search(name)]
    if unknown:
        yield f"no command has an option for {', '.join(unknown)}; --help names the variables"
