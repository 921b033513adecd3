"""The related works, a module for each."""
