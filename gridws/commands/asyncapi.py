"""`gridws asyncapi`: prints the document of the WebSocket API."""

from __future__ import annotations

import typer


def asyncapi() -> None:
    """Print the WebSocket API as an AsyncAPI 3 document (JSON), for code generators and viewers."""
    import json

    from ..web.asyncapi import asyncapi_document

    typer.echo(json.dumps(asyncapi_document(), indent=2, ensure_ascii=False))
