"""``python -m relucells`` is the command ``relucells``."""

import sys

from relucells.cli import main

sys.exit(main())
