"""Pictures that students paste into their answers: kept, bounded and harmless."""

import base64
import binascii
import re
from urllib.parse import quote

MAX_PICTURES = 20  # of one notebook
MAX_BYTES = 4 * 10**6  # of one notebook, as base64
BEGINNINGS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
LINK = "attachment:"
PLAIN = re.compile(r"[A-Za-z0-9._-]+")
REFERENCE = re.compile(LINK + r"([^)\s\"'>]*)")
LEFT_OUT = (
    "\n\n[{} was left out: only PNG, JPEG, GIF and WebP pictures of at most 4 MB "
)
LEFT_OUT += "in all are kept]"


class Attachments:
    """Copies the pictures of a notebook's cells until the notebook has enough."""

    def __init__(self):
        self.pictures, self.bytes_left = MAX_PICTURES, MAX_BYTES

    def copy(self, submitted, cell):
        """Gives a cell the pictures of a submitted one; the text says what is missing.

        Args:
            submitted: A cell of anybody's notebook.
            cell: The new cell that has its text, changed in place.
        """
        cell.pop("attachments", None)
        given, kept = submitted.get("attachments"), {}
        for name, kinds in given.items() if isinstance(given, dict) else ():
            if picture := self._picture(kinds):
                kept[self._plain_name(name, cell)] = picture
            else:
                cell.source += LEFT_OUT.format(name[:80])
        if kept:
            cell["attachments"] = kept

    def _plain_name(self, name, cell):
        """Renames a picture whose name Markdown writes in another way, as a blank."""
        if PLAIN.fullmatch(name):
            return name
        new = f"picture-{MAX_PICTURES - self.pictures}"
        for written in (quote(name), quote(name, safe="()"), name):
            cell.source = cell.source.replace(f"attachment:{written}", LINK + new)
        return new

    def _picture(self, kinds):
        """Returns `{kind: base64}` of one attachment, or None."""
        for kind, text in kinds.items() if isinstance(kinds, dict) else ():
            text = "".join(text) if _is_lines(text) else text
            if not (isinstance(text, str) and _is_picture(kind, text)):
                continue
            if self.pictures < 1 or len(text) > self.bytes_left:
                return None
            self.pictures -= 1
            self.bytes_left -= len(text)
            return {kind: text}
        return None


def _is_lines(text):
    return isinstance(text, list) and all(isinstance(line, str) for line in text)


def _is_picture(kind, text):
    """Says whether base64 text begins as files of its kind do."""
    beginning = BEGINNINGS.get(kind)
    if beginning is None or len(text) > MAX_BYTES:
        return False
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return content.startswith(beginning)


def without_missing(source, attachments):
    """Turns references to pictures that are not there into plain addresses.

    A page of Jupyter that meets one of them fails as a whole.
    """

    def reference(found):
        return found[0] if found[1] in attachments else f"missing-{found[0]}"

    return REFERENCE.sub(reference, source)
