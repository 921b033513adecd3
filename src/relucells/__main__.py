"""``python -m relucells`` is the command ``relucells``."""

import sys

from relucells.cli import main

if __name__ == "__main__":
    sys.exit(main())
