"""A small data set as it is published, and a server that publishes it."""

import hashlib
import http.server
import io
import tarfile
import threading
from contextlib import contextmanager

from cnnlab.data import fetch

FILES = {"one": b"first " * 2000, "two": b"second " * 2000}


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def pack(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def describe(packed, url="http://127.0.0.1:9/toys.tar"):
    checksums = {name: md5(content) for name, content in FILES.items()}
    size = sum(map(len, FILES.values()))
    return fetch.Archive(url, md5(packed), len(packed), size, "toys", checksums)


PACKED = pack({f"toys/{name}": content for name, content in FILES.items()})
ARCHIVE = describe(PACKED)


def fill(folder):
    """Unpacks the toys into a folder."""
    (folder / "toys").mkdir()
    for name, content in FILES.items():
        (folder / "toys" / name).write_bytes(content)


@contextmanager
def serve():
    """A server of the packed toys at `url`; a test may change what it sends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.ranges, server.cut, server.asked = PACKED, True, None, []
    server.url = f"http://127.0.0.1:{server.server_port}/toys.tar"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; with `ranges`, from where asked; up to `cut` bytes."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])

    def log_message(self, *arguments):
        pass
