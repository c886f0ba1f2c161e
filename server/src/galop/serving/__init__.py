"""The HTTP server as a process: uvicorn, signals, draining, TLS files, slow clients."""
