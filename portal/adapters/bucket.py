"""Files in an S3 bucket, or in whatever speaks as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from obstore import delete, get, head, put
from obstore import list as list_objects
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from portal.adapters.storage import CHECK_KEY, CHUNK, ArrivingFolders, StorageError, checked_key
from portal.settings import Settings


class S3Storage(ArrivingFolders):
    """Objects in an S3 bucket; what the service acknowledged is durable."""

    def __init__(self, bucket: str, home: Path, *, prefix: str = "", settings: Settings) -> None:
        super().__init__(home / "receiving", home / "parts")
        options: dict[str, Any] = {
            "region": settings.s3_region,
            "access_key_id": settings.s3_access_key_id,
            "secret_access_key": settings.s3_secret_access_key,
        }
        if settings.s3_endpoint:
            options |= {"endpoint": settings.s3_endpoint, "virtual_hosted_style_request": False}
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"allow_http": settings.s3_endpoint.startswith("http://")},
            **options,
        )

    def put(self, chunks: Iterable[bytes], key: str) -> None:
        put(self._store, checked_key(key), iter(chunks))

    def keep(self, received: Path, key: str) -> None:
        self.adopt(received, key)
        received.unlink()

    def adopt(self, part: Path, key: str) -> None:
        with part.open("rb") as file:
            put(self._store, checked_key(key), file)

    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        wanted: Any = None
        if length is not None:
            wanted = {"range": (start, start + length)}
        elif start:
            wanted = {"range": {"offset": start}}
        if length == 0:
            return iter(())
        try:
            found = get(self._store, checked_key(key), options=wanted)
        except (NotFoundError, FileNotFoundError) as error:
            raise StorageError(f"nothing is kept under {key}") from error
        except BaseError as error:
            raise StorageError(f"the bucket does not answer: {type(error).__name__}") from error
        return _bytes_of(found.stream(min_chunk_size=CHUNK))

    def path(self, key: str) -> Path | None:
        checked_key(key)
        return None

    def size(self, key: str) -> int | None:
        try:
            return int(head(self._store, checked_key(key))["size"])
        except (NotFoundError, FileNotFoundError):
            return None

    def delete(self, key: str) -> None:
        with suppress(NotFoundError, FileNotFoundError):
            delete(self._store, checked_key(key))

    def every_key(self) -> Iterator[tuple[str, datetime]]:
        for batch in list_objects(self._store):
            for found in batch:
                yield found["path"], found["last_modified"]

    def check(self) -> None:
        try:
            self.put([b"portal"], CHECK_KEY)
            self.delete(CHECK_KEY)
        except Exception as error:  # the client's errors have no common base that it promises
            raise StorageError(f"the bucket cannot be written: {type(error).__name__}") from error


def _bytes_of(chunks: Iterable[Any]) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            yield bytes(chunk)
    except BaseError as error:
        raise StorageError(f"the bucket does not answer: {type(error).__name__}") from error
