"""Options that several commands have."""

from datetime import datetime, timedelta
from typing import Annotated, Optional

import typer

from chatgrow_cli.values import length, moment

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Connection = Annotated[
    Optional[str],
    typer.Option(
        "--connection", "-c", help="The connection; not needed if there is only one.", metavar="ID"
    ),
]
Since = Annotated[
    Optional[datetime],
    typer.Option(parser=moment, metavar="TIME", help="Since a time, or so long ago (2h)."),
]
Until = Annotated[
    Optional[datetime],
    typer.Option(parser=moment, metavar="TIME", help="Until a time, or so long ago (2h)."),
]
Timeout = Annotated[
    timedelta, typer.Option(parser=length, metavar="LENGTH", help="How long to wait (90s, 2m).")
]
