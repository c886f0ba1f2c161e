"""The admission room: decides which requests are accepted now, by keys, rate limits and queue quotas.

`Admission` admits requests; `AdmissionControl` bounds the requests of one model; an `AdmissionPolicy` (in a
server `accounts.Ledger`) identifies callers and enforces their rate limits.
"""
