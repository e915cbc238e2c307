"""Claims and data -> verdicts."""
