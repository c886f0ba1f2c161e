"""What a new process pays before its first answer. Run as `python start_cost.py httpx|groq|openai`.

Prints one JSON object: wall milliseconds of the bare import; CPU milliseconds and resident memory
(MB) added until the first request has been written, and CPU until its answer is an object. The
server is a thread of this process that reads one request and answers it; its share is below 1 ms.
"""

import json
import socket
import sys
import threading
import time

from server import PLAIN

measured: dict[str, float] = {}


def rss_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    received = b""
    while b'"messages"' not in received:
        received += connection.recv(1 << 16)
    measured["CPU to first request"] = (time.process_time() - started) * 1e3
    measured["RSS to first request"] = rss_mb() - rss_before
    time.sleep(0.1)  # as a model would: what is imported meanwhile delays nobody
    connection.sendall(PLAIN)


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=answer_once, args=(listener,), daemon=True).start()
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
messages = [{"role": "user", "content": "hi"}]
name = sys.argv[1]
rss_before = rss_mb()
started = time.process_time()
wall = time.perf_counter()
if name == "httpx":
    import httpx

    measured["import"] = (time.perf_counter() - wall) * 1e3
    httpx.Client().post(url + "/openai/v1/chat/completions", json={"messages": messages}).json()
elif name == "groq":
    import groq

    measured["import"] = (time.perf_counter() - wall) * 1e3
    groq.Groq(api_key="k", base_url=url).chat.completions.create(messages=messages, model="m")
else:
    import openai

    measured["import"] = (time.perf_counter() - wall) * 1e3
    openai.OpenAI(api_key="k", base_url=url).chat.completions.create(messages=messages, model="m")
measured["CPU to first answer"] = (time.process_time() - started) * 1e3
print(json.dumps(measured))
