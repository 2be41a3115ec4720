"""A short film inside a notebook: frames in, an animated picture out, and a strip of them for readers of paper."""

import base64
import html
import io
import textwrap

import numpy as np
from PIL import Image

from rlcourse.course.figures import style

MAX_BYTES = 300_000
STRIP = 8


class Film:
    """A film that shows itself as the last line of a cell: it plays as long as it is unfolded, and not before.

    Attributes:
        moving: the film as animated WebP, bytes; empty if it could not be made.
        strip: some of its frames side by side, PNG.
        said: what is to be seen, one sentence; where the film could not be made, also why.
        seconds: how long it takes.
    """

    def __init__(self, moving, strip, said, seconds):
        self.moving, self.strip, self.said, self.seconds = moving, strip, said, seconds

    def _repr_mimebundle_(self, include=None, exclude=None):
        picture = base64.b64encode(self.strip).decode("ascii")
        said = html.escape(self.said, quote=True)
        strip = f"data:image/png;base64,{picture}"
        shown = f'<img class="film" style="max-width:100%" alt="{said}" src="{strip}"><p>{said}</p>'
        if self.moving:
            source = base64.b64encode(self.moving).decode("ascii")
            shown += (
                f"<details><summary>Play the film ({self.seconds:.0f} s, in a loop)</summary>"
                f'<img class="film" alt="The film: {said}" src="data:image/webp;base64,{source}"></details>'
            )
        return {"text/html": shown, "image/png": picture, "text/plain": self.said}


def film(frames, said, *, fps=30, width=260):
    """Encode frames as a small film.

    Args:
        frames: uint8 array [T, height, width, 3].
        said: what is to be seen, one sentence: the alt text.
        fps: frames per second.
        width: of the film, in pixels; the height follows.

    Returns:
        A Film. Where Pillow cannot write it, it holds the strip of pictures and a sentence that says so.

    Raises:
        ValueError: if frames are no pictures.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"frames must be a uint8 array [T, height, width, 3], got {frames.dtype} {list(frames.shape)}")
    height = round(width * frames.shape[1] / frames.shape[2])
    small = [Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS) for frame in frames]
    moving, trouble = b"", ""
    try:
        moving = _encode(small, fps)
    except Exception as error:  # a Pillow without WebP: a sentence, never a traceback
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        trouble = f" The film could not be made here ({textwrap.shorten(reason, 120)}), so these are frames of it."
    return Film(moving, _strip(small), " ".join(said.split()) + trouble, len(small) / fps)


def _encode(pictures, fps):
    """Animated WebP, bytes: the best quality that is small enough."""
    for quality in (80, 50, 20):
        buffer = io.BytesIO()
        first, *others = pictures
        first.save(
            buffer,
            "webp",
            save_all=True,
            append_images=others,
            duration=round(1000 / fps),
            loop=0,
            quality=quality,
            method=4,
            minimize_size=True,
        )
        if buffer.tell() <= MAX_BYTES:
            return buffer.getvalue()
    raise ValueError(f"more than {MAX_BYTES // 1000} kB at the lowest quality")


def _strip(pictures):
    """The first frame, the last, and some between, closer together at the beginning, where most things happen."""
    count = min(STRIP, len(pictures))
    places = (len(pictures) - 1) * (np.arange(count) / max(count - 1, 1)) ** 2
    chosen = [pictures[int(place)] for place in places]
    width, height = (side // 2 for side in chosen[0].size)
    whole = Image.new("RGB", (len(chosen) * (width + 4) - 4, height), style.FAINT)
    for k, picture in enumerate(chosen):
        whole.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (k * (width + 4), 0))
    buffer = io.BytesIO()
    whole.quantize(64).save(buffer, "png", optimize=True)
    return buffer.getvalue()
