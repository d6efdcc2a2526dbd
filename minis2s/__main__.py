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
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stdout = None
        sys.exit(0)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "out of memory" not in str(error):
            raise
        _stop(
            "out of memory; lower --set train.batch_tokens=N when training, or "
            "--batch-size when translating",
            2,
        )


def _stop(message: str, code: int) -> None:
    sys.stderr.write(f"minis2s: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
