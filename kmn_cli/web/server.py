"""A small server for one page: on this machine only, for who knows its address only."""

from __future__ import annotations

import json
import secrets
import threading
import webbrowser
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlsplit

from kmn_cli.batch.first_mask import FirstMask, Saved
from kmn_cli.errors import KmnError, UsageError
from kmn_cli.web.protocol import read_drawing
from kmn_cli.web.session import Session

HOST = "127.0.0.1"
_LARGEST_BODY = 16 * 2**20
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
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

    def __init__(self, session: Session, port: int = 0) -> None:
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

    @property
    def address(self) -> str:
        """Of the page, with its token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """What a Host header may say: a foreign name that leads here is not ours."""
        return {f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"}


def serve(
    first: FirstMask, frame: int, tell: Callable[[str], None], *, port: int, browser: bool
) -> Saved:
    """Show the page until it is closed, and return what was saved last.

    Raises:
        UsageError: it was closed without saving.
        KeyboardInterrupt: it was interrupted without saving.
    """
    session = Session(first, frame)
    with PageServer(session, port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        tell(f"Draw the mask at {server.address}")
        tell("(this address works on this machine only; Ctrl-C ends)")
        try:
            if browser:
                webbrowser.open(server.address)
            session.ended.wait()
        except KeyboardInterrupt:
            if session.saved is None:
                raise
        finally:
            server.shutdown()
    if session.saved is None:
        raise UsageError("The page was closed, and nothing was saved.", "Press Save on the page.")
    return session.saved


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
        session = self.server.session
        if name == "":
            page = files("kmn_cli.web").joinpath("page.html").read_bytes()
            self._send(page, "text/html; charset=utf-8")
        elif name == "info":
            self._send_json(session.info())
        elif name.startswith("frame/") and name[6:].isdecimal() and len(name) < 16:
            self._send(session.picture(int(name[6:])), "image/jpeg")
        else:
            self._send_json({"error": "Not found."}, HTTPStatus.NOT_FOUND)

    def _post(self, name: str) -> None:
        session = self.server.session
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send_json({"error": "Too large."}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if name == "mask":
            self._send(session.mask(read_drawing(body)), "image/png")
        elif name == "save":
            self._send_json(session.save(read_drawing(body)).to_json())
        elif name == "end":
            self._send_json({})
            session.ended.set()
        else:
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

    def _send_json(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
