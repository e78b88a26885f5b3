"""Use the client as a backend does: against the API itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from chatgrow_client import (
    AsyncClient,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnauthorizedError,
    WrongDirectionError,
)
from chatgrow_client.models import (
    ConnectionChange,
    Location,
    MediaRequest,
    MessageRequest,
    NewAppointment,
    NewCustomer,
    Pacing,
)
from tests.integration.conftest import KEY

TO = "+972501234567"


@pytest.fixture
async def main(chatgrow: AsyncClient) -> str:
    return (await chatgrow.connections.create("main", name="Main")).connection_id


async def test_a_connection_is_changed_in_part(chatgrow: AsyncClient, main: str) -> None:
    changed = await chatgrow.connections.change(main, ConnectionChange(pacing=Pacing(per_minute=3)))
    assert (changed.name, changed.pacing.per_minute) == ("Main", 3)
    status = await chatgrow.connections.status(main)
    assert status.queue.queued == 0
    with pytest.raises(ConflictError) as raised:
        await chatgrow.connections.qr(main)
    assert raised.value.code == "no_qr_code"
    assert raised.value.members["state"] == status.state


async def test_messages_are_listed_over_pages(chatgrow: AsyncClient, main: str) -> None:
    asked = [MessageRequest(to=TO, message=f"Hello {number}") for number in range(5)]
    accepted = await chatgrow.messages.send_bulk(main, asked, reference="campaign 3")
    listed = [each async for each in chatgrow.messages.list(reference="campaign 3", page_size=2)]
    newest_first = [each.message_id for each in reversed(accepted.items)]
    assert [each.message_id for each in listed] == newest_first
    assert [each.text for each in listed][:2] == ["Hello 4", "Hello 3"]
    with pytest.raises(WrongDirectionError):
        await chatgrow.messages.get_received(listed[0].message_id)


async def test_a_bulk_tells_what_is_wrong_in_it(chatgrow: AsyncClient, main: str) -> None:
    asked = [MessageRequest(to=TO, message="Hello"), MessageRequest(to="nobody", message="Hello")]
    with pytest.raises(InvalidRequestError, match=r"messages\.1\.to") as raised:
        await chatgrow.messages.send_bulk(main, asked)
    assert [each.field for each in raised.value.errors] == ["messages.1.to"]
    accepted = await chatgrow.messages.send_bulk(main, asked, partial=True)
    assert [each.index for each in accepted.refused or ()] == [1]
    forecast = await chatgrow.messages.forecast(main, asked[:1])
    assert forecast.count == 1


async def test_all_kinds_of_messages_are_sent(chatgrow: AsyncClient, main: str) -> None:
    text = await chatgrow.messages.send(main, TO, "Hello", priority="high")
    place = Location(latitude=32.0853, longitude=34.7818, name="Tel Aviv")
    at = datetime.now(UTC) + timedelta(days=1)
    there = await chatgrow.messages.send(
        main, TO, location=place, reply_to=text.message_id, send_at=at
    )
    message = await chatgrow.messages.get(there.message_id)
    assert message.location == place
    assert message.reply_to == text.message_id
    assert message.send_at is not None
    assert abs(message.send_at - at) < timedelta(seconds=1)


async def test_a_file_is_uploaded_sent_and_downloaded(
    chatgrow: AsyncClient, main: str, tmp_path: Path
) -> None:
    name = 'תפריט "חדש".txt'
    content = b"Falafel and hummus\n" * 50_000
    stored = await chatgrow.media.upload(BytesIO(content), filename=name, mimetype="text/plain")
    assert stored.size == len(content)
    sent = await chatgrow.messages.send(main, TO, media=MediaRequest(media_id=stored.media_id))
    message = await chatgrow.messages.get(sent.message_id)
    assert message.media is not None
    assert message.media.media_id == stored.media_id
    async with chatgrow.media.download(stored.media_id) as download:
        assert download.about.size == len(content)
        assert download.about.filename == stored.filename == name
        saved = await download.save(tmp_path / "menu.txt")
    assert saved.read_bytes() == content
    with pytest.raises(NotFoundError, match="media_not_found"):
        async with chatgrow.media.download("0" * 26):
            pass


async def test_an_appointment_is_booked_and_confirmed(chatgrow: AsyncClient, main: str) -> None:
    dana = await chatgrow.customers.create(NewCustomer(name="Dana", phone=TO))
    booked = await chatgrow.appointments.create(
        NewAppointment(
            customer=dana.id,
            connection_id=main,
            service="Haircut",
            starts_at=datetime.now(UTC) + timedelta(days=2),
        )
    )
    confirmed = await chatgrow.appointments.confirm(booked.id)
    assert confirmed.status == "confirmed"
    assert [each.id async for each in chatgrow.appointments.list(customer=dana.id)] == [booked.id]
    report = await chatgrow.customers.import_csv("name,phone\nNoa,+972541234567\n")
    assert report.created == 1
    assert "Noa" in await chatgrow.customers.export_csv()


async def test_a_wrong_key_is_told(address: str) -> None:
    async with AsyncClient(address, "a wrong key") as chatgrow:
        with pytest.raises(UnauthorizedError) as raised:
            await chatgrow.connections.get("main")
    assert raised.value.code == "unauthorized"


async def test_the_owner_is_named_with_each_request(chatgrow: AsyncClient, address: str) -> None:
    await chatgrow.connections.create("main")
    async with AsyncClient(address, KEY, owner="nobody@example.com") as other:
        with pytest.raises(NotFoundError, match="user_not_found"):
            await other.connections.get("main")
