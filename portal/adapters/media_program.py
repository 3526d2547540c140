"""A program of its own that opens what strangers sent: it reads what a picture, sound or video is, and makes copies.

`portal.adapters.media` starts it, on an interpreter that knows nothing of the portal's settings. It limits itself
before it opens anything, takes one order on its command line and gives one answer on its output, both JSON. It ends
when whoever started it is gone. It imports nothing of the portal, and is one file so that it runs alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

NICE = 15  # people who use the portal come first
SMALL_SIDE = 360  # pixels of the shorter side of a small copy
MOST_PIXELS = 45_000_000  # of one frame: an 8K one has 33 million
MOST_PICTURE_PIXELS = 250_000_000
PREVIEW_SIDE = 2048  # pixels of the longer side of a preview
PAGE_SIDE = 1600  # pixels of the longer side of a page: small print can be read, and a page has about 100 kB
MOST_ENLARGED = 4  # times the points of a page, so that a stamp does not become a poster
DOCUMENT = "application/pdf"
NOT_WITHOUT_PASSWORD = 4  # as PDFium numbers its errors
SOUND_RATE = 48_000
SOUND_BITS = {1: 64_000, 2: 96_000}
KEY_EVERY_SECONDS = 1  # a jump inside a small copy decodes at most so much
MOST_WAITING = 3_000  # pieces of sound before the first picture: about a minute
MOST_FAULTS = 2_000  # packets that cannot be read, before the whole file is given up
NO_LIMIT_OF_MEMORY = (ValueError,) if sys.platform == "darwin" else ()
COVER = 0x400  # marks the picture of a record among the streams of a sound
DEMUXERS = {
    "video/mp4": "mov", "video/quicktime": "mov", "video/3gpp": "mov", "video/x-m4v": "mov", "audio/mp4": "mov",
    "video/x-matroska": "matroska", "video/webm": "matroska", "audio/webm": "matroska",
    "video/x-msvideo": "avi", "video/mp2t": "mpegts", "video/mpeg": "mpeg", "video/x-ms-wmv": "asf",
    "video/x-ms-asf": "asf", "audio/x-ms-wma": "asf", "video/x-flv": "flv", "video/ogg": "ogg", "audio/ogg": "ogg",
    "application/mxf": "mxf", "audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/flac": "flac",
    "audio/aac": "aac", "audio/aiff": "aiff", "audio/x-aiff": "aiff", "audio/amr": "amr", "audio/basic": "au",
}  # fmt: skip
"""How each kind is read. Nothing is guessed: a text that calls itself a video would name other files to be opened."""
COUNTED_FROM_ANYWHERE = frozenset({"mpegts", "mpeg", "mxf", "asf", "flv"})
PICTURES = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP", "image/avif": "AVIF",
    "image/bmp": "BMP", "image/x-ms-bmp": "BMP", "image/tiff": "TIFF", "image/vnd.adobe.photoshop": "PSD",
}  # fmt: skip
TURNS = {90: [("transpose", "clock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "cclock")]}


class Refused(Exception):
    """Why a file is not shown, as one of the words that the caller knows."""


def main() -> None:
    order = json.loads(sys.argv[1])
    _limit(order["memory_bytes"], order["cpu_seconds"], order["output_bytes"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = _done(order)
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": "too_large"}
    print(json.dumps(answer), flush=True)
    os._exit(0)  # whatever a library of decoders would still do at its end is not wanted


def _limit(memory: int, cpu: int, output: int) -> None:
    """Take away what is not needed, before the first byte of a stranger is read."""
    os.nice(NICE)
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(*NO_LIMIT_OF_MEMORY):
            resource.setrlimit(what, (limit, limit))


def _end_with_parent() -> None:
    """Wait on the input, on which nothing ever comes: it is closed when the other side is gone."""
    sys.stdin.buffer.read()
    os._exit(3)


def _done(order: dict[str, Any]) -> dict[str, Any]:
    kind, source, targets = order["kind"], order["source"], order["targets"]
    if kind in PICTURES:
        return _picture(kind, source, targets["preview"])
    if kind == DOCUMENT and "pages" in targets:
        return _pages(source, targets["pages"])
    if kind in DEMUXERS:
        return _film(kind, source, targets)
    raise Refused("unknown")


def _picture(kind: str, source: str, target: str) -> dict[str, Any]:
    """Make a preview: upright, in the colours of the web, without what the camera wrote about people and places."""
    from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # refused below, in our own words
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(source, formats=[PICTURES[kind]]) as opened:
            width, height = opened.size
            if width * height > MOST_PICTURE_PIXELS:
                raise Refused("too_large")
            turned = opened.getexif().get(0x0112) in {5, 6, 7, 8}
            opened.draft("RGB", (PREVIEW_SIDE, PREVIEW_SIDE))
            opened.load()
            picture = _in_web_colours(ImageOps.exif_transpose(opened))
            picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
            picture.save(target, "WEBP", quality=80, method=4)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise Refused("damaged") from error
    upright = {"width": height, "height": width} if turned else {"width": width, "height": height}
    return {"facts": upright | {"codec": PICTURES[kind].lower()}, "made": ["preview"]}


def _pages(source: str, targets: list[str]) -> dict[str, Any]:
    """Draw the pages of a document, as many as there are places: no script of it runs, and no link is followed."""
    import pypdfium2

    sizes = []
    try:
        document = pypdfium2.PdfDocument(source)
        number = len(document)
        for page, target in zip(map(document.get_page, range(number)), targets, strict=False):
            longer = max(page.get_size())
            if longer <= 0:
                raise Refused("damaged")
            bitmap = page.render(scale=min(PAGE_SIDE / longer, MOST_ENLARGED))
            picture = bitmap.to_pil().convert("RGB")
            picture.save(target, "WEBP", quality=80, method=2)
            sizes.append(list(picture.size))
            page.close()
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == NOT_WITHOUT_PASSWORD
        raise Refused("locked" if locked else "damaged") from error
    except (OSError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise Refused("damaged") from error
    if not sizes:
        raise Refused("damaged")
    return {"pages": number, "sizes": sizes}


def _in_web_colours(picture: Any) -> Any:
    """Return a picture as a browser shows it: sRGB with eight bits, transparent where it was."""
    from io import BytesIO

    from PIL import ImageCms

    profile = picture.info.get("icc_profile")
    if picture.mode.startswith(("I", "F")):
        lowest, highest = picture.getextrema()
        scale = 255 / ((highest - lowest) or 1)
        picture = picture.point(lambda value: value * scale - lowest * scale).convert("L")
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        return picture.convert("RGBA")
    if profile and picture.mode in {"RGB", "CMYK"}:
        try:
            described = ImageCms.ImageCmsProfile(BytesIO(profile))
            picture = ImageCms.profileToProfile(picture, described, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that cannot be read is one that is not there
    return picture.convert("RGB")


def _film(kind: str, source: str, targets: dict[str, str]) -> dict[str, Any]:
    """Make the small copy of a video, and the copy of its sound, or of a sound alone; times stay what they were."""
    import av

    av.logging.set_level(None)
    try:
        with av.open(source, format=DEMUXERS[kind], metadata_errors="replace", buffer_size=1 << 20) as opened:
            return Film(opened, targets).copied()
    except av.error.MemoryError as error:
        raise MemoryError from error
    except (av.error.FFmpegError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise Refused("too_large" if getattr(error, "errno", 0) == 27 else "damaged") from error  # 27: RLIMIT_FSIZE


class Film:
    """A video or sound that is being copied, packet by packet."""

    def __init__(self, opened: Any, targets: dict[str, str]) -> None:
        pictures = [stream for stream in opened.streams.video if not int(stream.disposition) & COVER]
        self.opened, self.targets = opened, targets
        self.picture = max(pictures, key=lambda stream: stream.width * stream.height, default=None)
        self.sound = opened.streams.best("audio")
        used = [stream for stream in (self.picture, self.sound) if stream is not None]
        if not used:
            raise Refused("damaged")
        if self.picture is not None and self.picture.width * self.picture.height > MOST_PIXELS:
            raise Refused("too_large")
        for stream in used:
            stream.codec_context.thread_count = 1
        self.used = used
        self.start = self._start()
        self.end = Fraction(0)
        """Seconds from the start to the end of the last frame that could be read."""

    def _start(self) -> Fraction:
        """Return which moment of the file a player calls zero.

        Most files count from there themselves. A stream as it is broadcast counts from anywhere: there it is the first
        picture.
        """
        first = next((stream for stream in self.used if stream.start_time is not None), None)
        if first is None or self.opened.format.name not in COUNTED_FROM_ANYWHERE:
            return Fraction(0)
        return Fraction(first.start_time * first.time_base)

    def copied(self) -> dict[str, Any]:
        import av

        outputs = {}
        if self.picture is not None:
            outputs["small"] = av.open(self.targets["small"], "w", format="mp4", options={"movflags": "+faststart"})
        if self.sound is not None:
            outputs["sound"] = av.open(self.targets["sound"], "w", format="ipod", options={"movflags": "+faststart"})
        seen = Seen(self, self.picture, outputs["small"]) if self.picture is not None else None
        heard = Heard(self, list(outputs.values())) if self.sound is not None else None
        try:
            for stream, frame in _picture_first(self._frames(), self.picture):
                self.end = max(self.end, self.time_of(frame) + _length(frame))
                part: Any = seen if stream is self.picture else heard
                part.take(frame)
            made = [copy for copy in (seen, heard) if copy is not None and copy.finish()]
            for output in outputs.values():
                output.close()
        except BaseException:
            for output in outputs.values():
                _drop(output)
            raise
        if not made or (self.picture is not None and seen not in made):
            raise Refused("damaged")
        names = ["small"] * (seen in made) + ["sound"] * (heard in made)
        return {"facts": self._facts(seen), "made": names}

    def time_of(self, frame: Any) -> Fraction:
        """Return when a frame is shown, in seconds from the beginning of the file."""
        return Fraction(frame.pts * frame.time_base) - self.start

    def _frames(self) -> Iterator[tuple[Any, Any]]:
        """Return every frame that can be read; what is damaged in between is passed over."""
        import av

        faults = 0
        for packet in self.opened.demux(self.used):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.PatchWelcomeError, av.error.EOFError):
                faults += 1
                if faults > MOST_FAULTS:
                    raise
                continue
            for frame in frames:
                if frame.pts is not None and frame.time_base:
                    yield packet.stream, frame

    def _facts(self, seen: Seen | None) -> dict[str, Any]:
        facts: dict[str, Any] = {"milliseconds": round(self.end * 1000)}
        if self.picture is not None and seen is not None:
            rate = self.picture.average_rate or self.picture.guessed_rate
            facts |= {"codec": self.picture.codec_context.name, "width": seen.shown[0], "height": seen.shown[1]}
            facts |= {"frames": rate.numerator, "per_seconds": rate.denominator} if rate else {}
        if self.sound is not None:
            facts["sound_codec"] = self.sound.codec_context.name
        return facts


def _picture_first(frames: Iterator[tuple[Any, Any]], picture: Any) -> Iterator[tuple[Any, Any]]:
    """Return frames with a picture before the first sound: a copy is begun when all it will hold is known."""
    waiting: list[tuple[Any, Any]] = []
    for stream, frame in frames:
        if picture is None or stream is picture:
            yield stream, frame
            yield from waiting
            waiting, picture = [], None
        elif len(waiting) == MOST_WAITING:
            raise Refused("damaged")
        else:
            waiting.append((stream, frame))


class Seen:
    """The pictures of a video on their way into the small copy."""

    def __init__(self, film: Film, source: Any, output: Any) -> None:
        self.film, self.source, self.output = film, source, output
        self.graph: Any = None
        self.shape: tuple[Any, ...] = ()
        self.shown = (0, 0)
        self.stream: Any = None
        self.last: int | None = None

    def take(self, frame: Any) -> None:
        shape = (frame.width, frame.height, frame.format.name, frame.rotation)
        if shape != self.shape:
            self._drain()
            self.shape, self.graph = shape, self._filters(frame)
        self.graph.push(frame)
        self._pull()

    def finish(self) -> bool:
        """Write what is left, and return whether there was any picture."""
        self._drain()
        if self.last is None:
            return False
        self.output.mux(self.stream.encode(None))
        return True

    def _filters(self, frame: Any) -> Any:
        """Return the way from a frame as it was stored to the small one: upright, no half pictures, square pixels."""
        import av

        source = self.source
        pixel = source.sample_aspect_ratio or Fraction(1)
        width, height = round(frame.width * pixel) if pixel > 0 else frame.width, frame.height
        turn = -round(frame.rotation / 90) * 90 % 360
        if turn in {90, 270}:
            width, height = height, width
        if not self.stream:
            self.shown = (width, height)
            share = min(Fraction(1), Fraction(SMALL_SIDE, max(min(width, height), 1)))
            self.size = tuple(max(2, round(side * share / 2) * 2) for side in (width, height))
            self._open()
        graph = av.filter.Graph()
        nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format,
                                  time_base=frame.time_base)]  # fmt: skip
        steps = [("yadif", "mode=send_frame:deint=interlaced"), *TURNS.get(turn, [])]
        steps += [("scale", f"{self.size[0]}:{self.size[1]}"), ("setsar", "1"), ("format", "yuv420p")]
        nodes += [graph.add(name, arguments) for name, arguments in steps]
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph

    def _drain(self) -> None:
        if self.graph is not None:
            self.graph.push(None)
            self._pull()

    def _pull(self) -> None:
        for frame in _ready(self.graph):
            base = self.stream.codec_context.time_base
            pts = round(self.film.time_of(frame) / base)
            if self.last is None or pts > self.last:
                frame.pts, frame.time_base, frame.pict_type = pts, base, 0
                self.last = pts
                self.output.mux(self.stream.encode(frame))

    def _open(self) -> None:
        source = self.source
        rate = source.average_rate or source.guessed_rate or Fraction(25)
        self.stream = self.output.add_stream(
            "libx264", rate=min(rate, 240), options={"preset": "veryfast", "crf": "27", "bf": "0", "profile": "main"}
        )
        self.stream.width, self.stream.height = self.size
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.time_base = source.time_base if source.time_base <= Fraction(1, 1000) else Fraction(1, 90_000)
        context.gop_size = max(1, round(rate * KEY_EVERY_SECONDS))
        context.thread_count = 1


class Heard:
    """The sound of a film on its way into its copies: from the same beginning, silent where there was none."""

    def __init__(self, film: Film, outputs: list[Any]) -> None:
        self.film, self.outputs = film, outputs
        channels = 1 if film.sound.codec_context.layout.nb_channels == 1 else 2
        self.layout = "mono" if channels == 1 else "stereo"
        self.streams = [output.add_stream("aac", rate=SOUND_RATE, layout=self.layout) for output in outputs]
        for stream in self.streams:
            stream.bit_rate = SOUND_BITS[channels]
        self.graph: Any = None
        self.shape: tuple[Any, ...] = ()
        self.any = False

    def take(self, frame: Any) -> None:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self.shape:
            self._drain()
            self.shape, self.graph = shape, self._filters(frame, first=not self.any)
        base = Fraction(1, frame.sample_rate)
        frame.pts, frame.time_base = round(self.film.time_of(frame) / base), base
        self.graph.push(frame)
        self._pull()

    def finish(self) -> bool:
        """Write what is left, and return whether there was any sound."""
        self._drain()
        if self.any:
            for stream, output in zip(self.streams, self.outputs, strict=True):
                output.mux(stream.encode(None))
        return self.any

    def _filters(self, frame: Any, *, first: bool) -> Any:
        import av

        graph = av.filter.Graph()
        nodes = [graph.add_abuffer(sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout.name,
                                   time_base=Fraction(1, frame.sample_rate))]  # fmt: skip
        from_the_start = ":first_pts=0" if first else ""
        steps = [("aresample", f"{SOUND_RATE}:async=1{from_the_start}")]
        steps += [("aformat", f"sample_fmts=fltp:sample_rates={SOUND_RATE}:channel_layouts={self.layout}")]
        steps += [("asetnsamples", "n=1024:p=0"), ("abuffersink", "")]
        nodes += [graph.add(name, arguments) for name, arguments in steps]
        graph.link_nodes(*nodes).configure()
        return graph

    def _drain(self) -> None:
        if self.graph is not None:
            self.graph.push(None)
            self._pull()

    def _pull(self) -> None:
        for frame in _ready(self.graph):
            self.any = True
            for stream, output in zip(self.streams, self.outputs, strict=True):
                output.mux(stream.encode(frame))


def _ready(graph: Any) -> Iterator[Any]:
    """Return the frames that have come through all filters."""
    import av

    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _length(frame: Any) -> Fraction:
    """Return for how many seconds a frame is shown or heard, as far as it tells."""
    samples = getattr(frame, "samples", 0)
    if samples and frame.sample_rate:
        return Fraction(samples, frame.sample_rate)
    return Fraction((frame.duration or 0) * frame.time_base)


def _drop(output: Any) -> None:
    import av

    with suppress(av.error.FFmpegError):
        output.close()


if __name__ == "__main__":
    main()
