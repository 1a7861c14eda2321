"""A service behind countersign's gateway, with `pip install standardwebhooks==1.0.1`.

    GATEWAY_SECRET=whsec_.. PORT=3000 python3 receiver.py
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["GATEWAY_SECRET"])
# In your database, in the transaction of the work: a gateway that crashed between your answer and its
# own note of it delivers once more, under the same id.
handled = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):
            return self.answer(401)
        delivery = self.headers["webhook-id"]
        if delivery not in handled:
            print(json.dumps({"path": self.path, "id": delivery, "event": event}), flush=True)
            handled.add(delivery)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
