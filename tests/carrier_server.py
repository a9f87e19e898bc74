"""A small HTTP server on loopback that behaves like MySendingBox, with its errors and its slowness."""

import base64
import email.policy
import json
import threading
import time
from contextlib import suppress
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class CarrierServer(ThreadingHTTPServer):
    """Its letters, what it was asked, and how it is to misbehave."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = []  # (method, path, headers)
        self.letters = []
        self.keys = {}  # idempotency key: letter
        self.answer = None  # (status, body) instead of what is right
        self.delay_before = 0  # seconds before a letter is taken
        self.delay_after = 0  # seconds between taking it and saying so
        self.hidden = 0  # letters that the list leaves out
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def posts(self):
        return [request for request in self.requests if request[0] == "POST"]

    def happen(self, letter, *names, **values):
        """Events of a letter."""
        letter["events"] += [{"name": name, "description": f"Description of {name}"} for name in names]
        letter.update(values)

    def take(self, fields, key):
        if key in self.keys:
            return self.keys[key]
        letter = {
            "_id": f"L{len(self.letters) + 1}",
            "fields": fields,
            "metadata": {name[9:-1]: value for name, value in fields.items() if name.startswith("metadata[")},
            "events": [],
        }
        self.happen(letter, "letter.created")
        self.letters.append(letter)
        self.keys[key] = letter
        return letter


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def _reply(self, status, body):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with suppress(OSError):  # who asked has gone
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _is_known(self):
        self.server.requests.append((self.command, self.path, self.headers))
        user = base64.b64decode(self.headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
        if user != "test_key:":
            self._reply(401, {"error": {"message": "Unauthorized key"}})
        elif self.server.answer:
            self._reply(*self.server.answer)
        else:
            return True
        return False

    def do_GET(self):
        if not self._is_known():
            return
        url = urlsplit(self.path)
        shown = [{**letter, "fields": None} for letter in self.server.letters]
        if url.path != "/letters":
            found = [letter for letter in shown if url.path == f"/letters/{letter['_id']}"]
            self._reply(*((200, found[0]) if found else (404, {"error": {"message": "No such letter"}})))
            return
        query = dict(parse_qsl(url.query))
        offset = int(query.get("offset", 0))
        page = shown[: len(shown) - self.server.hidden][offset:][: min(2, int(query.get("limit", 2)))]
        self._reply(200, {"letters": page, "total": len(shown), "offset": offset})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_known():
            return
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        fields = {}
        for part in form.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            fields[name] = content if part.get_filename() else content.decode()
        if not fields.get("to[address_postalcode]"):
            self._reply(422, {"error": {"message": "to.address_postalcode is required", "status_code": 422}})
            return
        time.sleep(self.server.delay_before)
        if self.server.answer is None:
            letter = self.server.take(fields, self.headers["Idempotency-Key"])
            time.sleep(self.server.delay_after)
            self._reply(201, {**letter, "fields": None})
