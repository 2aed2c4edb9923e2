"""Files that people upload: streamed to the workspace's temporary folder, private, and removed after use."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO, TypeVar

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from firstline.console.visit import CSRF_FIELD, Fields
from firstline.console.words import later
from firstline.errors import RequestError
from firstline.store.private import make_private, temporary_folder
from firstline.text.rules import nfc

T = TypeVar("T")
_KEPT_S = 1_800.0
_MOST_FIELD_BYTES = 10_000
_MOST_PARTS = 50
_MOST_NAME_BYTES = 200
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\ud800-\udfff]")


def foreign_form() -> RequestError:
    """What a form without the right secret, or from another site, is answered with."""
    return RequestError(
        "foreign_form",
        later("The form was not sent by a page of the console, or you have signed in anew since."),
        later("Go back, load the page again, and repeat what you did."),
        status=403,
    )


def is_secret(given: str, expected: str) -> bool:
    """Whether a form repeats the right secret; the time does not tell how much of it is right."""
    return bool(expected) and compare_digest(given.encode("utf-8", "replace"), expected.encode())


@dataclass
class Upload:
    """One file. `detected` are the columns that the first look at it found, by role."""

    file: Path
    name: str
    owner_id: int
    at: float = field(default_factory=time.monotonic)
    detected: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack, repr=False)
    """Closing it deletes the file."""

    @property
    def size_bytes(self) -> int:
        return self.file.stat().st_size


class Uploads:
    """One file a person, for half an hour. A new one replaces the old one.

    Folders are made and removed by one thread, since the lock that keeps others from tidying them belongs to it.
    """

    def __init__(self, room: Path) -> None:
        self._room = room
        self._held: dict[int, Upload] = {}
        self._thread = ThreadPoolExecutor(1, "uploads")

    def of(self, owner_id: int) -> Upload:
        """The file of a person. Raises `RequestError` if it is gone."""
        self._submit(self._remove_old)
        found = self._held.get(owner_id)
        if found is None or time.monotonic() - found.at > _KEPT_S:
            raise RequestError(
                "upload_gone",
                later("The file is no longer here."),
                later("Upload it again: files are deleted after half an hour, or once they are imported."),
                status=404,
            )
        return found

    def keep(self, upload: Upload) -> None:
        """Keep a file for its owner."""
        before = self._held.pop(upload.owner_id, None)
        self._held[upload.owner_id] = upload
        if before is not None and before is not upload:
            self.drop(before)

    def drop(self, upload: Upload) -> None:
        """Delete a file."""
        if self._held.get(upload.owner_id) is upload:
            del self._held[upload.owner_id]
        self._submit(upload.stack.close)

    def close(self) -> None:
        """Delete all files."""
        for upload in [*self._held.values()]:
            self.drop(upload)
        self._thread.shutdown(wait=True)

    def _submit(self, work: Callable[[], None]) -> None:
        try:
            self._thread.submit(work)
        except RuntimeError:
            work()  # The console ends.

    def _remove_old(self) -> None:
        for upload in [*self._held.values()]:
            if time.monotonic() - upload.at > _KEPT_S and self._held.get(upload.owner_id) is upload:
                del self._held[upload.owner_id]
                upload.stack.close()

    async def receive(
        self, chunks: AsyncIterator[bytes], content_type: str, csrf: str, owner_id: int
    ) -> tuple[Fields, Upload | None]:
        """Read a form with a file; the field `csrf` has to come before it and to be right.

        Raises `RequestError` if the form is not one, `OSError` if the file cannot be written. Nothing is left then.
        """
        kind, options = parse_options_header(content_type)
        if kind != "multipart/form-data" or not options.get("boundary"):
            raise RequestError("media_type", later("The form is not sent as one with a file."), "", status=415)
        receiving = _Receiving(self._room, csrf, owner_id)
        try:
            with PushMultipartParser(options["boundary"], max_segment_count=_MOST_PARTS, strict=True) as parser:
                async for chunk in chunks:
                    if chunk:
                        await self._in_thread(lambda data=chunk: receiving.take(parser.parse(data)))  # type: ignore[misc]
            return Fields(receiving.fields), receiving.upload
        except BaseException as error:
            if receiving.upload is not None:
                self._submit(receiving.upload.stack.close)
            if isinstance(error, MultipartError):
                raise RequestError(
                    "form_broken", later("The form did not arrive whole."), later("Send it again."), status=400
                ) from None
            raise
        finally:
            receiving.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Receiving:
    """A form as it arrives. Its methods run in the thread of the uploads."""

    def __init__(self, room: Path, csrf: str, owner_id: int) -> None:
        self.fields: dict[str, list[str]] = {}
        self.upload: Upload | None = None
        self._room = room
        self._csrf = csrf
        self._owner_id = owner_id
        self._part = ""
        self._value: bytearray | None = None
        self._out: BinaryIO | None = None

    def take(self, events: Iterable[MultipartSegment | bytes | bytearray | None]) -> None:
        """Read what the parser has found. Raises `RequestError` and `OSError`."""
        for event in events:
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                self._end()
            elif self._out is not None:
                self._out.write(event)
            elif self._value is not None:
                self._value += event
                if len(self._value) > _MOST_FIELD_BYTES:
                    raise RequestError("field_too_long", later("The form has a field that is too long."), "", 413)

    def close(self) -> None:
        """Close the file."""
        if self._out is not None:
            self._out.close()

    def _begin(self, segment: MultipartSegment) -> None:
        self._part = segment.name or ""
        if segment.filename is None:
            self._value = bytearray()
            return
        if not is_secret("".join(self.fields.get(CSRF_FIELD, ())), self._csrf):
            raise foreign_form()
        # An empty name: no file was chosen. Only the first file counts.
        if segment.filename and self.upload is None:
            stack = ExitStack()
            folder = stack.enter_context(temporary_folder(self._room))
            name = file_name(segment.filename)
            self.upload = Upload(folder / name, name, self._owner_id, stack=stack)
            make_private(self.upload.file)
            self._out = self.upload.file.open("wb")

    def _end(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
        elif self._value is not None:
            self.fields.setdefault(self._part, []).append(self._value.decode("utf-8", "replace"))
            self._value = None


def file_name(name: str) -> str:
    """A client's file name as a name in a folder: the end of a path, without what systems do not allow."""
    last = _NOT_IN_NAMES.sub("", nfc(re.split(r"[/\\]", name)[-1])).rstrip(" .")
    stem, dot, ending = last.rpartition(".")
    if not dot:
        stem, ending = last, ""
    stem = stem.strip(" .").encode()[:_MOST_NAME_BYTES].decode("utf-8", "ignore") or "upload"
    return f"{stem}{dot}{ending[:10]}"
