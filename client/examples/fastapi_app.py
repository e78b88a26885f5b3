"""An app of FastAPI that sends messages and receives webhooks: `uvicorn fastapi_app:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

from chatgrow_client import AsyncClient, WebhookVerificationError, verify_webhook

chatgrow = AsyncClient(os.environ["CHATGROW_URL"], os.environ["CHATGROW_KEY"])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the client when the app ends."""
    async with chatgrow:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/reminders/{visit}", status_code=202)
async def remind(visit: str, to: str) -> str:
    """Send a reminder of a visit, once, however often this is asked for."""
    key = f"reminder of {visit}"
    sent = await chatgrow.messages.send("main", to, "See you tomorrow!", idempotency_key=key)
    return sent.message_id


@app.post("/webhook", status_code=204)
async def webhook(request: Request) -> None:
    """Receive an event; it may come again, under the same `event.id`."""
    secret = os.environ["CHATGROW_WEBHOOK_SECRET"]
    try:
        event = verify_webhook(request.headers, await request.body(), secret)
    except WebhookVerificationError as error:
        raise HTTPException(401) from error
    print(event.type, event.data)
