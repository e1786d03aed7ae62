"""Floor 0: rows and time steps of a panel, and what every estimator shares."""
