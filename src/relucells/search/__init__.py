"""The part that finds verdicts and certificates. What it finds is checked by ``certify``, never trusted."""
