"""A small legacy API that knows nothing of tokens: it books what it is told and answers as the payment network expects."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        payment = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        reference = "R-" + str(payment.get("transactionid"))
        print("booked", payment.get("transactionid"), "of", self.headers.get("X-Forwarded-User"), flush=True)
        self.answer({"error": False, "errorReason": None, "toastMessage": "ok", "object": {"reftransactionid": reference}})

    def do_GET(self):
        self.answer({"path": self.path, "user": self.headers.get("X-Forwarded-User")})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What was booked is log enough."""


# The first process of a container ignores a signal that it does not handle.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
# On loopback: only who shares this network can call it, which is the gate.
ThreadingHTTPServer(("127.0.0.1", 8080), Api).serve_forever()
