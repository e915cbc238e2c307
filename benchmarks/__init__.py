"""Speed, as ratios against a named reference in the same run. Not part of the tests: machines are noisy."""
