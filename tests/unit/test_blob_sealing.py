"""Whatever is changed in an encrypted blob, it does not open."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.blobs.archive import unpack
from sessions.blobs.encryption import Header, Identity, rewrap, seal, unseal
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.frames import FRAME_BYTES
from sessions.encryption.keys import Key, KeyRing
from tests.blob_profiles import contents, login, no_part

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


# A blob as it was written when a login was stored in one file only.
_WRITTEN_BEFORE = """
AQAAAdbWVdhqFta4GrMv6VP6jOiJYz6CVd+z+uTsn03PqpF6dLSJwc/Uy1ijCKAbkYXNSX7fAFn1B1XALGBQJUYDK7Usuxb9
WYXVdlk70ap9c7RlBMgSLm6nWjjZrYr7qMSuE4uBgLp03PJ6ejxvXOZ6nmkW3vZaEJDrSBvqii7CwL1twVh21gYvrdZU9ATV
iBte3niZY16e14AjQU9FoLSo6CkqxjzYTCneA3UFSLtOvJamIfv0+ltjFZbcC9a+WXe5ZZc/qvNnnECJ9XTfdC49gYZcn9ib
5L75rWxzZvqd62gSmFfhUuPgrEYuXuIvzA3NNCHVWlG+dgsg7VFz3XCIIkPjCwjT3VJYGMQY+YbREkeFhGJjMJCG/pMrvIpH
frgnBAt7q+ORrI5XQPqDJTyRp3Oq10AD9A7WPew4sMBws3qfgNxY6bE8kOL5zopu1DYikFJ857JcGES1CSlStTB2zP1qPoNt
kmPwdw/wWeI2fk+TW/X7I0A/6HlfrxtWiyHa9YC0yQWVFA6MKaV/foiq8dkb9PfXatd5tCXOA/og/levEXDvujnE4XZuw9xo
3U+tRqyiEORBNJiKXyckizuuO7R9FHfYnVLY198kaygZ5I+SHc1YODXZBA==
"""
_HEADER_BEFORE = {
    "version": 1,
    "connection": "connection-a",
    "generation": 3,
    "serial": 7,
    "noncePrefix": b"\xc7u\x16\xf3",
    "wrapping": {
        "keyId": "one",
        "keyCheck": b"j\xbd\r#DI\xe27",
        "nonce": b"\xbb\xe8\x13\x83\xe9\xe0;68p\xa6\xe4",
        "wrappedKey": b"\xec\xf9\x8f\xdcb\xb2m\xa37\x13:m\xf8u\xb1n\xb1w\xc9\x06_0w\xbbQH"
        b"V\xe6#\x12\xef-\x05gs\xeb\xe6\xf4\x14\x0e\xee\x9fx\x1ab\xca\x9d\x99",
    },
}


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


def test_a_blob_that_was_written_before_there_were_parts_still_restores(tmp_path: Path) -> None:
    frames = io.BytesIO(base64.b64decode(_WRITTEN_BEFORE))
    content = unseal(_RING, Header.read(_HEADER_BEFORE), _WHO, frames)
    assert unpack(content, no_part, tmp_path / "there") == {"WANoiseInfo": "secret"}
    assert contents(tmp_path / "there") == login()


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


_PART = replace(_WHO, part="0" * 64)


@pytest.mark.parametrize(
    ("made", "expected"),
    [(_PART, replace(_PART, part="1" * 64)), (_PART, _WHO), (_WHO, _PART)],
    ids=["part for part", "part for blob", "blob for part"],
)
def test_neither_a_part_nor_a_blob_is_taken_for_another_of_the_same_save(
    made: Identity, expected: Identity
) -> None:
    header, frames = _sealed(identity=made)
    lying = header.model_copy(update={"part": expected.part})
    assert _opened(header, frames, made) == _CONTENT
    assert _refused(header, frames, expected) is BlobReason.DAMAGED
    assert _refused(lying, frames, expected) is BlobReason.DAMAGED


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (replace(_PART, connection="connection-b"), BlobReason.FOREIGN),
        (replace(_PART, serial=6), BlobReason.ROLLED_BACK),
    ],
)
def test_a_part_of_another_connection_or_save_is_refused(
    found: Identity, reason: BlobReason
) -> None:
    header, frames = _sealed(identity=found)
    assert _refused(header, frames, _PART) is reason


def test_no_two_identities_are_bound_alike() -> None:
    others = [_PART, replace(_WHO, part="key"), Identity("key", 3, 7), replace(_WHO, serial=3)]
    bound = {who.bound(*more) for who in (_WHO, *others) for more in (["frame"], ["key", "frame"])}
    assert len(bound) == 2 * (1 + len(others))


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
