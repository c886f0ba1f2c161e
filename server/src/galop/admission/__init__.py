"""Who may ask for how much now: keys, limits and queue quotas."""
