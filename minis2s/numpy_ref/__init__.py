"""The reference wing: NumPy, forward and hand-derived backward."""
