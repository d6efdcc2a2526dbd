"""`python -m minis2s.museum`."""

import sys

from minis2s.museum.run import main

sys.exit(main())
