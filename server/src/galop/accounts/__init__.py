"""Who may use the server, how much of it, and what they have used.

`Ledger` is the running one; `Store` is what lies under it, for the commands. Knows no HTTP.
"""
