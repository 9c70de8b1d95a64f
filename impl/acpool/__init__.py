"""acpool."""
