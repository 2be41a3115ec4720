"""A film is small, says what it shows, and gives way to pictures where it cannot be made."""

import io

import numpy as np
import pytest
from PIL import Image

from rlcourse.course.figures import film as films


def frames(count=30, size=120):
    """A square that crosses a white card."""
    pictures = np.full((count, size, size, 3), 255, dtype=np.uint8)
    for t, picture in enumerate(pictures):
        picture[40:60, 2 * t : 2 * t + 20] = (200, 60, 0)
    return pictures


def test_a_film_is_small_and_says_what_it_shows():
    made = films.film(frames(), "A square goes from left to right & back.", width=120)
    assert made.moving[:4] == b"RIFF" and made.moving[8:12] == b"WEBP" and len(made.moving) < films.MAX_BYTES
    with Image.open(io.BytesIO(made.moving)) as film:
        assert film.n_frames > 20 and film.size == (120, 120)
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == "A square goes from left to right & back."
    assert "right &amp; back." in bundle["text/html"]
    assert "<details><summary>Play the film (1 s" in bundle["text/html"]  # nothing moves before it is asked to
    assert bundle["image/png"].startswith("iVBOR") and made.strip[:4] == b"\x89PNG"


def test_without_an_encoder_there_are_pictures_and_a_sentence(monkeypatch):
    def missing(*_):
        raise OSError("encoder webp not available")

    monkeypatch.setattr(films, "_encode", missing)
    made = films.film(frames(5), "A square.")
    bundle = made._repr_mimebundle_()
    assert made.moving == b"" and "A square. The film could not be made here (encoder webp" in bundle["text/plain"]
    assert "<img" in bundle["text/html"] and 'alt="A square. The film' in bundle["text/html"]


def test_a_film_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(films, "MAX_BYTES", 100)
    assert "lowest quality" in films.film(frames(5), "A square.").said


@pytest.mark.parametrize("bad", [np.zeros((3, 4, 4)), np.zeros((0, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)])
def test_what_is_no_film_is_refused(bad):
    with pytest.raises(ValueError, match="frames must be"):
        films.film(bad, "Nothing.")
