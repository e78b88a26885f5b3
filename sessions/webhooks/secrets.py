"""The secrets and the headers of webhooks, encrypted in MongoDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.encryption.values import is_under_first_key, open_value, seal_value
from sessions.webhooks.model import StoredSecret, Webhook
from sessions.webhooks.signing import new_secret

if TYPE_CHECKING:
    from sessions.encryption.keys import KeyRing
    from sessions.encryption.sealed_value import SealedValue
    from sessions.storage.mongo import Collection, Database

_SECRET = "secret"  # noqa: S105  the name of a field
_HEADERS = "headers"


class NoWebhookKeysError(DomainError):
    """A secret can be neither encrypted nor decrypted: this process has no keys."""

    code = "no_encryption_keys"
    text = (
        "A webhook's secret cannot be stored: set SESSION_ENCRYPTION_KEYS for the API, to the "
        "same keys that the workers have."
    )


class WebhookSecrets:
    """Encrypt and decrypt what only we and the receiver may know; each is bound to its webhook."""

    def __init__(self, keys: KeyRing | None) -> None:
        self._ring = keys

    @property
    def _keys(self) -> KeyRing:
        if self._ring is None:
            raise NoWebhookKeysError
        return self._ring

    def new(self, webhook_id: str) -> tuple[str, StoredSecret]:
        """Return a new secret, plain and as it is stored; raise NoWebhookKeysError."""
        secret, secret_id = new_secret(), new_id()
        sealed = seal_value(self._keys, secret, webhook_id, _SECRET, secret_id)
        return secret, StoredSecret(id=secret_id, sealed=sealed)

    def valid(self, webhook: Webhook, now: datetime) -> list[str]:
        """Return the secrets that sign now, the newest first.

        Raises BlobError if no key decrypts one, and NoWebhookKeysError.
        """
        valid = [each for each in webhook.secrets if each.until is None or now < each.until]
        return [self._open(webhook.id, each) for each in valid]

    def sealed_headers(self, webhook_id: str, headers: Mapping[str, str]) -> SealedValue | None:
        """Return headers as they are stored, None if there are none; raise NoWebhookKeysError."""
        if not headers:
            return None
        return seal_value(self._keys, json.dumps(dict(headers)), webhook_id, _HEADERS)

    def seal_headers(self, webhook_id: str, headers: Mapping[str, str]) -> dict[str, object]:
        """Return the fields of the record that store headers; raise NoWebhookKeysError."""
        sealed = self.sealed_headers(webhook_id, headers)
        stored = sealed.model_dump(by_alias=True) if sealed else None
        return {"headerNames": list(headers), "sealedHeaders": stored}

    def headers(self, webhook: Webhook) -> dict[str, str]:
        """Return a webhook's headers; raise BlobError or NoWebhookKeysError."""
        if webhook.sealed_headers is None:
            return {}
        opened = open_value(self._keys, webhook.sealed_headers, webhook.id, _HEADERS)
        return {str(name): str(value) for name, value in json.loads(opened).items()}

    def _open(self, webhook_id: str, secret: StoredSecret) -> str:
        return open_value(self._keys, secret.sealed, webhook_id, _SECRET, secret.id)

    def resealed(self, webhook: Webhook) -> dict[str, object] | None:
        """Return the fields that bring a webhook under the first key; None if it is already.

        Raises BlobError if no key decrypts it.
        """
        values = [each.sealed for each in webhook.secrets]
        values += [webhook.sealed_headers] if webhook.sealed_headers else []
        if all(is_under_first_key(self._keys, each) for each in values):
            return None
        moved = [
            each.model_copy(
                update={
                    "sealed": seal_value(
                        self._keys, self._open(webhook.id, each), webhook.id, _SECRET, each.id
                    )
                }
            )
            for each in webhook.secrets
        ]
        headers = self.seal_headers(webhook.id, self.headers(webhook))
        return {**headers, "secrets": [each.model_dump(by_alias=True) for each in moved]}


async def rotate_webhook_secrets(database: Database, keys: KeyRing) -> int:
    """Encrypt all secrets with the first key; return how many webhooks were changed.

    Raises BlobError for a secret that no key decrypts.
    """
    collection: Collection = database["webhooks"]
    secrets, count = WebhookSecrets(keys), 0
    async for document in collection.find({}):
        fields = secrets.resealed(Webhook.model_validate(document))
        if fields is None:
            continue
        unchanged = {name: {"$eq": document.get(name)} for name in ("secrets", "sealedHeaders")}
        written = await collection.update_one(
            {"_id": document["_id"], **unchanged}, {"$set": fields}
        )
        count += written.modified_count
    return count
