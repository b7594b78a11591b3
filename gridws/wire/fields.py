"""What frames are made of: the types of their fields, and what all of them share.

A field of a reading says its bounds twice, for both parsers: `Field` is pydantic's word, `Meta` is msgspec's.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta
from pydantic import BaseModel, ConfigDict, Field

from ..settings import MAX_INTEGER, MAX_MEASURED_AT, MAX_TURBINE_NUMBER

TurbineNumber = Annotated[int, Field(ge=1, le=MAX_TURBINE_NUMBER), Meta(ge=1, le=MAX_TURBINE_NUMBER)]
Sequence = Annotated[int, Field(ge=1, le=MAX_INTEGER), Meta(ge=1, le=MAX_INTEGER)]
Identifier = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Milliseconds = Annotated[int, Field(ge=0, le=MAX_MEASURED_AT), Meta(ge=0, le=MAX_MEASURED_AT)]
StreamName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


STRICT: Final = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class Frame(BaseModel):
    """What all frames share."""

    model_config = STRICT
