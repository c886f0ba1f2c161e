"""A loopback server that costs nothing: canned bytes, written as soon as a request is read.

Run as `python server.py`; prints its port, serves until standard input closes. Speaks HTTP/1.1
keep-alive. A request whose body holds `"stream":true` (or `"stream": true`) gets NUM_EVENTS
events in one burst, any other POST a 774-byte completion, any GET a list of models.
"""

import json
import socket
import sys
import threading

NUM_EVENTS = 1000

COMPLETION = {
    "id": "chatcmpl-4c8a1b7e-1f0e-4b27-9a57-3c5d2e9f6b10",
    "object": "chat.completion",
    "created": 1730000000,
    "model": "llama3-8b-8192",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello! " * 30},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "queue_time": 0.01,
        "prompt_tokens": 20,
        "prompt_time": 0.02,
        "completion_tokens": 60,
        "completion_time": 0.3,
        "total_tokens": 80,
        "total_time": 0.32,
    },
    "system_fingerprint": "fp_0123456789",
    "x_groq": {"id": "req_01h0000000000000000000000000"},
}


def _event(delta: dict, finish_reason: str | None = None) -> bytes:
    event = {
        "id": COMPLETION["id"],
        "object": "chat.completion.chunk",
        "created": 1730000000,
        "model": "llama3-8b-8192",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _stream() -> bytes:
    events = [_event({"role": "assistant", "content": ""})]
    events += [_event({"content": f" tok{i % 97}"}) for i in range(NUM_EVENTS - 2)]
    events += [_event({}, "stop"), b"data: [DONE]\n\n"]
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return head + b"".join(pieces) + b"0\r\n\r\n"


PLAIN = _answer(json.dumps(COMPLETION).encode())
STREAM = _stream()
MODELS = _answer(json.dumps({"object": "list", "data": []}).encode())


def serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            piece = connection.recv(1 << 20)
            if not piece:
                return
            received += piece
        head, _, received = received.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(received) < length:
            received += connection.recv(1 << 20)
        body, received = received[:length], received[length:]
        if head.startswith(b"GET"):
            connection.sendall(MODELS)
        elif b'"stream":true' in body or b'"stream": true' in body:
            connection.sendall(STREAM)
        else:
            connection.sendall(PLAIN)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
