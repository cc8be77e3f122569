"""any_answer.py SEEN PORT: a server that answers everything with {}. Notes what it was asked in SEEN, its port in PORT."""

import http.server
import sys
from pathlib import Path


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "a") as seen:
            seen.write(f"{self.path}\n{self.headers}")
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
Path(sys.argv[2]).write_text(str(server.server_port))
server.serve_forever()
