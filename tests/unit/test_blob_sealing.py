"""Whatever is changed in an encrypted blob, it does not open."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.blobs.errors import BlobError, BlobReason
from sessions.blobs.frames import FRAME_BYTES
from sessions.blobs.header import Header, Identity
from sessions.blobs.keys import Key, KeyRing
from sessions.blobs.sealing import rewrap, seal, unseal

_RING = KeyRing([Key("one", b"1" * 32)])
_WHO = Identity("connection-a", 3, 7)
_FRAME = FRAME_BYTES + 16 + 5
_CONTENT = bytes(range(256)) * 4096 * 2 + b"the end"


def _sealed(
    content: bytes = _CONTENT, identity: Identity = _WHO, keys: KeyRing = _RING
) -> tuple[Header, bytes]:
    out = io.BytesIO()
    header, sealer = seal(keys, identity, out)
    for start in range(0, len(content), 300_000):
        sealer.write(content[start : start + 300_000])
    sealer.finish()
    return header, out.getvalue()


def _opened(
    header: Header, frames: bytes, identity: Identity = _WHO, keys: KeyRing = _RING
) -> bytes:
    return unseal(keys, header, identity, io.BytesIO(frames)).read()


def _refused(header: Header, frames: bytes, identity: Identity = _WHO) -> BlobReason:
    with pytest.raises(BlobError) as caught:
        _opened(header, frames, identity)
    return caught.value.reason


_HEADER, _FRAMES = _sealed()
_SMALL_HEADER, _SMALL_FRAMES = _sealed(b"the login of a phone")


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1])
def test_what_was_sealed_opens(size: int) -> None:
    content = (b"content" * (size // 7 + 1))[:size]
    header, frames = _sealed(content)
    assert _opened(header, frames) == content


def test_two_blobs_of_the_same_content_have_nothing_in_common() -> None:
    other_header, other_frames = _sealed()
    assert other_header.wrapping.wrapped_key != _HEADER.wrapping.wrapped_key
    assert other_frames[5:100] != _FRAMES[5:100]


@given(st.integers(0, len(_SMALL_FRAMES) - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_small_blob_is_noticed(place: int, change: int) -> None:
    _refused(_SMALL_HEADER, _changed(_SMALL_FRAMES, place, change))


@given(st.integers(0, len(_FRAMES) - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_large_blob_is_noticed(place: int, change: int) -> None:
    _refused(_HEADER, _changed(_FRAMES, place, change))


@given(st.data())
def test_a_changed_byte_of_the_header_is_noticed(data: st.DataObject) -> None:
    document = _SMALL_HEADER.document()
    wrapping = document.pop("wrapping")
    part = data.draw(st.sampled_from([document, wrapping]))
    name = data.draw(st.sampled_from(sorted(part)))
    part[name] = _other_value(data, part[name])
    with pytest.raises(BlobError):
        _opened(Header.read({**document, "wrapping": wrapping}), _SMALL_FRAMES)


@given(st.integers(0, len(_FRAMES) - 1))
def test_a_blob_that_was_cut_off_is_truncated(length: int) -> None:
    assert _refused(_HEADER, _FRAMES[:length]) is BlobReason.TRUNCATED


@pytest.mark.parametrize("length", [0, _FRAME, 2 * _FRAME])
def test_a_blob_that_was_cut_between_frames_is_truncated(length: int) -> None:
    assert _refused(_HEADER, _FRAMES[:length]) is BlobReason.TRUNCATED


@pytest.mark.parametrize("more", [b"x", _FRAMES[-28:], _FRAMES], ids=["byte", "frame", "blob"])
def test_what_was_appended_is_noticed(more: bytes) -> None:
    assert _refused(_HEADER, _FRAMES + more) is BlobReason.DAMAGED


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1, 2), (0, 2), (1, 2), (0, 1, 1, 2), (2,)])
def test_frames_in_another_order_are_noticed(order: tuple[int, ...]) -> None:
    frames = [_FRAMES[:_FRAME], _FRAMES[_FRAME : 2 * _FRAME], _FRAMES[2 * _FRAME :]]
    shuffled = b"".join(frames[number] for number in order)
    assert _refused(_HEADER, shuffled) is BlobReason.DAMAGED


def test_a_frame_of_another_blob_is_noticed() -> None:
    _, other = _sealed()
    assert _refused(_HEADER, other[:_FRAME] + _FRAMES[_FRAME:]) is BlobReason.DAMAGED


def test_a_blob_of_another_connection_is_foreign_even_when_its_header_lies() -> None:
    theirs = replace(_WHO, connection="connection-b")
    header, frames = _sealed(identity=theirs)
    assert _refused(header, frames) is BlobReason.FOREIGN
    assert (
        _refused(header.model_copy(update={"connection": _WHO.connection}), frames)
        is BlobReason.DAMAGED
    )
    assert _refused(_HEADER, frames) is BlobReason.DAMAGED


@pytest.mark.parametrize("older", [replace(_WHO, serial=6), replace(_WHO, generation=2)])
def test_an_older_save_is_not_taken_for_a_newer_one(older: Identity) -> None:
    header, frames = _sealed(identity=older)
    lying = header.model_copy(update={"serial": _WHO.serial, "generation": _WHO.generation})
    assert _refused(header, frames) is BlobReason.ROLLED_BACK
    assert _refused(lying, frames) is BlobReason.DAMAGED


def test_a_key_that_is_not_in_the_ring_is_named() -> None:
    with pytest.raises(BlobError, match="'one'") as caught:
        _opened(_HEADER, _FRAMES, keys=KeyRing([Key("two", b"1" * 32)]))
    assert caught.value.reason is BlobReason.WRONG_KEY


def test_another_key_with_the_same_id_is_a_wrong_key() -> None:
    with pytest.raises(BlobError, match="another key than the one that goes by 'one'") as caught:
        _opened(_HEADER, _FRAMES, keys=KeyRing([Key("one", b"2" * 32)]))
    assert caught.value.reason is BlobReason.WRONG_KEY


def test_a_wrapped_key_changes_and_the_frames_do_not() -> None:
    new = Key("two", b"2" * 32)
    header = rewrap(KeyRing([new, _RING.first]), _HEADER)
    assert header.wrapping.key_id == "two"
    assert _opened(header, _FRAMES, keys=KeyRing([new])) == _CONTENT
    assert rewrap(KeyRing([new]), header) is header


def test_content_is_read_frame_by_frame() -> None:
    source = io.BytesIO(_FRAMES)
    content = unseal(_RING, _HEADER, _WHO, source)
    assert content.read(10) == _CONTENT[:10]
    assert source.tell() == _FRAME


@pytest.mark.parametrize("document", [None, {}, {"version": 1}, {"version": "x", "wrapping": 5}])
def test_a_header_that_is_none_is_damaged(document: dict[str, Any] | None) -> None:
    with pytest.raises(BlobError) as caught:
        Header.read(document)
    assert caught.value.reason is BlobReason.DAMAGED


def _changed(data: bytes, place: int, change: int) -> bytes:
    return data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]


def _other_value(data: st.DataObject, value: str | int | bytes) -> str | int | bytes:
    if isinstance(value, int):
        return value + data.draw(st.integers(1, 1000))
    if isinstance(value, str):
        return value + data.draw(st.text(min_size=1))
    return _changed(
        value, data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(1, 255))
    )
