"""Photos as they are kept: encoded anew, so that place, device and whatever else was in the file are gone."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from app.kernel.errors import Refused

MOST_BYTES = 12 * 2**20
MOST_KEPT = 2_000_000
MOST_PIXELS = 60_000_000
LONGEST = 1600
FORMATS = ("JPEG", "PNG", "WEBP")


def encoded(raw: bytes) -> bytes:
    """A JPEG of at most 1,600 pixels a side, upright, with nothing in it but the picture. Raises Refused too_large, bad_photo."""
    if len(raw) > MOST_BYTES:
        raise Refused("too_large", 413, f"The file is larger than {MOST_BYTES // 2**20} MB. Nothing was kept.", most=MOST_BYTES // 2**20)
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _bad()
            opened.draft("RGB", (LONGEST, LONGEST))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _bad() from error
    upright.thumbnail((LONGEST, LONGEST))
    bare = Image.new("RGB", upright.size)  # a comment or a profile would travel with the picture that was read
    bare.paste(upright)
    for quality in (82, 60, 40):
        out = io.BytesIO()
        bare.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= MOST_KEPT:
            break
    return out.getvalue()


def _bad() -> Refused:
    return Refused("bad_photo", 422, "This is no photo that can be read. Take it again as JPEG, PNG or WebP.", fields=["photo"])
