"""Parts that are in the store already, so that a save need not store them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bson import ObjectId

from sessions.blobs.sealing import is_under_first_key

if TYPE_CHECKING:
    from sessions.blobs.files import BlobFiles, StoredFile
    from sessions.blobs.records import History
    from sessions.encryption.keys import KeyRing

REUSED_FOR = timedelta(days=1)
"""An older part is stored anew: what has come to harm in the store cannot spoil every later save.

Only a restore reads a part to its end; a save sees no more than that no piece of it is missing.
"""


async def reusable_parts(
    files: BlobFiles, keys: KeyRing, connection: str, before: History
) -> dict[str, StoredFile]:
    """Return the parts that a save may name again, by the SHA-256 of their content.

    They are those of the blobs that are kept. What another key wraps is left out: it might be
    taken away, and the new blob with it.
    """
    ids = {part for blob in before.blobs for part in blob.parts}
    young = {each for each in ids if before.read_at - _made_at(each) < REUSED_FOR}
    if not young:
        return {}
    return {
        stored.header.part: stored
        for stored in await files.whole_of(young)
        if stored.header.connection == connection and is_under_first_key(keys, stored.header)
    }


def _made_at(file_id: str) -> datetime:
    return ObjectId(file_id).generation_time
