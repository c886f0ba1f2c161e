"""Who may ask for how much now: keys, limits and queue quotas.

`Admission` lets requests in; `AdmissionControl` bounds those of one model; an `AdmissionPolicy` (the
ledger of `accounts`) names callers and keeps their limits.
"""
