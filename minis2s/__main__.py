"""`python -m minis2s` and the command `minis2s`: bad input ends in one sentence."""

import sys

from minis2s.cli import app
from minis2s.config import InputError


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 2 bad input, 130 interrupted.
    """
    try:
        app()
    except InputError as error:
        _stop(str(error), 2)
    except KeyboardInterrupt:
        _stop("interrupted", 130)
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        _stop(
            "out of memory; lower --set train.batch_tokens=N or the model's size when "
            "training, --batch-size or --beam when translating",
            2,
        )
    except OSError as error:  # a full disk, a folder that may not be written
        _stop(f"{error.filename or 'output'}: {error.strerror}", 2)


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether NumPy, or PyTorch on a GPU or a CPU, could not have what it wanted."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(w in str(error) for w in words)


def _stop(message: str, code: int) -> None:
    sys.stderr.write(f"minis2s: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
