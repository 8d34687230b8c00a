"""A small server for one page: on this machine only, for who knows its address only."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlsplit

from kmn_cli.errors import KmnError, UsageError
from kmn_cli.web.session import PageSession

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_LARGEST_BODY = 16 * 2**20
_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
STATIC = frozenset(
    path.name
    for path in files("kmn_cli.web").joinpath("static").iterdir()
    if path.name.rpartition(".")[2] in _KINDS
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Serves the page of a session at `address`; use it as a context manager."""

    daemon_threads = True

    def __init__(self, session: PageSession, port: int = 0) -> None:
        """Bind to 127.0.0.1.

        Raises:
            UsageError: the port is taken.
        """
        self.session = session
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"--port {port}: {error.strerror or error}.", "Leave it out: any free one is taken."
            ) from error

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong; a page that goes away leaves connections open, which is nothing."""
        if not isinstance(sys.exception(), ConnectionError):
            log.exception("a request of the page failed")

    @property
    def address(self) -> str:
        """Of the page, with its token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """What a Host header may say: a foreign name that leads here is not ours."""
        return {f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"}


def serve(session: PageSession, *, port: int, browser: bool, todo: str) -> None:
    """Show the page of a session until it is closed.

    Args:
        session: what the page shows and does.
        port: of 127.0.0.1; 0 is any free one.
        browser: open the page.
        todo: what the page is for.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    with PageServer(session, port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        log.info("%s at %s", todo, server.address)
        log.info("(this address works on this machine only; Ctrl-C ends)")
        try:
            if browser:
                webbrowser.open(server.address)
            while not session.ended.wait(0.5):  # on Windows Ctrl-C ends no endless wait
                pass
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "kmn", ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the terminal is for the person."""

    def _get(self, name: str) -> None:
        name = name or "index.html"
        if name in STATIC:  # nothing else of the disk can be named
            body = files("kmn_cli.web").joinpath("static", name).read_bytes()
            return self._send(body, _KINDS[name.rpartition(".")[2]])
        what, *numbers = name.split("/")
        if len(numbers) > 2 or not all(n.isdecimal() and len(n) < 10 for n in numbers):
            return self._not_found()
        number, size = [*map(int, numbers), None, None][:2]
        found = self.server.session.get(what, number, size)
        return self._send(*found) if found else self._not_found()

    def _post(self, name: str) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send_json({"error": "Too large."}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        done = self.server.session.post(name, self.rfile.read(int(length)))
        self._send(*done) if done else self._not_found()

    def _not_found(self) -> None:
        self._send_json({"error": "Not found."}, HTTPStatus.NOT_FOUND)

    def _answer(self, act: Callable[[str], None]) -> None:
        """Act on a request if it comes from our own page."""
        _, token, *names = [*urlsplit(self.path).path.split("/"), ""]
        ours = f"http://{self.headers.get('Host', '')}"
        if (
            self.headers.get("Host") not in self.server.hosts
            or self.headers.get("Origin", ours) != ours
            or self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
            or not secrets.compare_digest(token.encode(), self.server.token.encode())
        ):
            self.close_connection = True  # what it may have sent is not read
            self._send_json({"error": "Refused."}, HTTPStatus.FORBIDDEN)
            return
        try:
            act("/".join(names[:-1]))
        except KmnError as error:
            document = {"error": error.message, "hint": error.hint}
            self._send_json(document, HTTPStatus.UNPROCESSABLE_ENTITY)
        except ConnectionError:
            self.close_connection = True  # the page went away
        except Exception:
            log.exception("the page asked for %s, which failed", "/".join(names[:-1]))
            document = {"error": "This failed.", "hint": "The terminal says why."}
            self._send_json(document, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send_json(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
