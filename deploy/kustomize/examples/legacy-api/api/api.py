"""A small API as partners have it: it knows nothing of tokens, and answers a delivery in the documented shape."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOOKED = {}  # transactionid -> our own number: a payment that is sent again gets the same one, from this replica, until it ends


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"status": "ok"})
        else:
            self.answer(404, {"error": True, "errorReason": "NOT_FOUND", "toastMessage": "no such path", "object": None})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/bank/api/transaction-sync":
            return self.answer(404, {"error": True, "errorReason": "NOT_FOUND", "toastMessage": "no such path", "object": None})
        try:
            payment = json.loads(body)
            number = BOOKED.setdefault(str(payment["transactionid"]), f"LEGACY-{len(BOOKED) + 1}")
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": True, "errorReason": "BAD_PAYMENT", "toastMessage": "not a payment", "object": None})
        said = {"error": False, "errorReason": None, "toastMessage": "booked", "object": {"reftransactionid": number}}
        return self.answer(200, said)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# As process 1 of a container nothing ends it by default.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", int(sys.argv[1]) if sys.argv[1:] else 8080), Api).serve_forever()
