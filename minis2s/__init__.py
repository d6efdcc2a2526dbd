"""minis2s: sequence-to-sequence learning, once in NumPy and once in PyTorch.

The package has two wings with the same file, class and argument names:
`minis2s.numpy_ref`, where every forward and backward pass is written by hand, and
`minis2s.torch_nn`, which trains real translators. Importing `minis2s` imports neither.
"""

__version__ = "0.1.0"
