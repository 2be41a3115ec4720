"""A short film inside a notebook: frames in, a player out, and a strip of pictures for readers without one."""

import base64
import html
import io
import textwrap

import numpy as np
from PIL import Image

from rlcourse.plots import style

MAX_BYTES = 300_000
STRIP = 8


class Film:
    """A film that shows itself as the last line of a cell.

    Attributes:
        video: the film as MP4, bytes; empty if it could not be made.
        strip: some of its frames side by side, PNG.
        said: what is to be seen, one sentence; where the film could not be made, also why.
    """

    def __init__(self, video, strip, said, fps, width):
        self.video, self.strip, self.said = video, strip, said
        self._fps, self._width = fps, width

    def _repr_mimebundle_(self, include=None, exclude=None):
        picture = base64.b64encode(self.strip).decode("ascii")
        said = html.escape(self.said, quote=True)
        if self.video:
            source = base64.b64encode(self.video).decode("ascii")
            shown = (
                f'<video controls loop muted playsinline width="{self._width}" aria-label="{said}" '
                f'src="data:video/mp4;base64,{source}"></video>'
            )
        else:
            shown = f'<img style="max-width:100%" alt="{said}" src="data:image/png;base64,{picture}">'
        return {"text/html": f"{shown}<p>{said}</p>", "image/png": picture, "text/plain": self.said}


def film(frames, said, *, fps=30, width=260):
    """Encode frames as a small film.

    Args:
        frames: uint8 array [T, height, width, 3].
        said: what is to be seen, one sentence: the alt text.
        fps: frames a second.
        width: of the film, in pixels; the height follows.

    Returns:
        A Film. Where the encoder is missing, or fails, it holds the strip of pictures and a sentence that says so.

    Raises:
        ValueError: if frames are no pictures.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"frames must be a uint8 array [T, height, width, 3], got {frames.dtype} {list(frames.shape)}")
    height = round(width * frames.shape[1] / frames.shape[2] / 2) * 2       # the encoder wants even numbers
    small = [Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS) for frame in frames]
    video, trouble = b"", ""
    try:
        video = _encode(np.stack([np.asarray(frame) for frame in small]), fps)
    except Exception as error:      # a missing program, or one that does not run here: a sentence, never a traceback
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        trouble = f" The film could not be made here ({textwrap.shorten(reason, 120)}), so these are frames of it."
    return Film(video, _strip(small), " ".join(said.split()) + trouble, fps, width)


def _encode(frames, fps):
    """MP4 bytes, with the ffmpeg that imageio-ffmpeg brings; imported late, since few cells need it."""
    import imageio_ffmpeg
    import mediapy

    mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
    for quality in (18, 28, 40):
        video = mediapy.compress_video(frames, fps=fps, codec="h264", crf=quality)
        if len(video) <= MAX_BYTES:
            return video
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
