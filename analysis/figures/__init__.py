"""The look, and every figure."""
