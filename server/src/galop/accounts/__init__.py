"""The accounts room: API keys, rate limits and usage, in SQL. Knows no HTTP.

A server uses `ledger.Ledger`, which keeps everything in memory; commands use `store.Store`, the database.
"""
