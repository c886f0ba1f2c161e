"""The HTTP server: uvicorn, signals, draining, TLS files, slow clients, early responses."""
