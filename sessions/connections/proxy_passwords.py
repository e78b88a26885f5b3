"""The passwords of proxies, encrypted in MongoDB; passwords stored as plain text are read too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loguru import logger
from pydantic import SecretStr

from sessions.common.errors import DomainError
from sessions.connections.model import Connection, Proxy
from sessions.encryption.errors import BlobError
from sessions.encryption.keys import KeyRing
from sessions.encryption.values import is_under_first_key, open_value, seal_value

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_FIELD = "proxy.password"


class NoKeysError(DomainError):
    """A password cannot be encrypted: this process has no keys."""

    code = "no_encryption_keys"
    text = (
        "The password cannot be stored: set SESSION_ENCRYPTION_KEYS for the API, to the same "
        "keys that the workers have."
    )


class ProxyPasswords:
    """Encrypt and decrypt passwords; each is bound to its connection."""

    def __init__(self, keys: KeyRing | None) -> None:
        self._keys = keys

    def seal(self, connection: str, proxy: Proxy) -> Proxy:
        """Return a connection's proxy with its password encrypted; raise NoKeysError."""
        if proxy.password is None:
            return proxy
        if self._keys is None:
            raise NoKeysError
        sealed = seal_value(self._keys, proxy.password.get_secret_value(), connection, _FIELD)
        return proxy.model_copy(update={"password": None, "sealed_password": sealed})

    def open(self, connection: Connection) -> Proxy | None:
        """Return a connection's proxy with its password decrypted.

        A password that cannot be decrypted is left out. The proxy then refuses the browser, so no
        traffic bypasses the proxy.
        """
        proxy = connection.proxy
        if proxy is None or proxy.sealed_password is None or self._keys is None:
            return proxy
        try:
            password = open_value(self._keys, proxy.sealed_password, connection.id, _FIELD)
        except BlobError as error:
            logger.error("The proxy's password cannot be decrypted: {}", error)
            return proxy
        return proxy.model_copy(update={"password": SecretStr(password), "sealed_password": None})


async def rotate_proxy_passwords(database: Database, keys: KeyRing) -> int:
    """Encrypt all passwords with the first key, plain ones too; return how many were changed.

    Raises BlobError for a password that no key decrypts.
    """
    collection: Collection = database["connections"]
    passwords = ProxyPasswords(keys)
    count = 0
    with_password = {"$or": [{_FIELD: {"$ne": None}}, {"proxy.sealedPassword": {"$ne": None}}]}
    async for document in collection.find(with_password, {"proxy": True}):
        proxy = Proxy.model_validate(document["proxy"])
        sealed = proxy.sealed_password
        if sealed is not None and is_under_first_key(keys, sealed):
            continue
        if sealed is not None:
            plain = SecretStr(open_value(keys, sealed, document["_id"], _FIELD))
            proxy = proxy.model_copy(update={"password": plain})
        count += await _replace(collection, document, passwords.seal(document["_id"], proxy))
    return count


async def _replace(collection: Collection, before: dict[str, Any], proxy: Proxy) -> int:
    """Store a proxy, unless it was changed meanwhile; return how many records were written."""
    unchanged = {"_id": before["_id"], "proxy": {"$eq": before["proxy"]}}
    result = await collection.update_one(unchanged, {"$set": {"proxy": proxy.to_document()}})
    return result.modified_count
