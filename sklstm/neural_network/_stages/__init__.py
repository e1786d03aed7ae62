"""Training in stages: replay, weight penalties, and states to resume from."""
