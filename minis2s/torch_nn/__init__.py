"""The speed wing: the same models in PyTorch, on a CPU or a GPU."""
