"""The commands of `ablate`: parse, call, print."""
