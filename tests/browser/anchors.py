"""The links of a page, the places that can be linked to, and whether they meet."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Anchors(HTMLParser):
    """Reads a page once; then `links` and `places` are sets of texts."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.places.update(filter(None, map(attributes.get, ("id", "name"))))
        self.links.update(filter(None, map(attributes.get, ("href", "src"))))


def arrives(path, link, pages):
    """Tells whether a link leads to a file, and to a place in it.

    Args:
        path: File in which the link stands.
        link: As it stands there; one to another host counts as arriving.
        pages: A dict from the path of every page to its `Anchors`.
    """
    address = urlsplit(link)
    if address.scheme or address.netloc:
        return True
    file = (path.parent / unquote(address.path)).resolve() if address.path else path
    if not file.is_file():
        return False
    place = unquote(address.fragment)
    return not place or file not in pages or place in pages[file].places
