"""A small archive as it is published, and a server that publishes it."""

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
    return fetch.File(url, md5(packed), unpacked="toys")


PACKED = pack({f"toys/{name}": content for name, content in FILES.items()})


def fill(folder):
    """Unpacks the toys into a folder."""
    (folder / "toys").mkdir()
    for name, content in FILES.items():
        (folder / "toys" / name).write_bytes(content)


@contextmanager
def serve():
    """A server of the packed toys at `url`; a test may change what it sends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.cut, server.num_requests = PACKED, None, 0
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
    """Serves `server.content`, or its first `server.cut` bytes."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.server.num_requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.cut])

    def log_message(self, *arguments):
        pass
