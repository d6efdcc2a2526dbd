"""Pictures: data in, a figure or a file out."""
