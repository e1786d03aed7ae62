"""Floor 1: windows, the target's past in them, and targets of the steps ahead."""
