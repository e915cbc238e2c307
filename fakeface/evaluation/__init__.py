"""Scores and diagnoses of sets of pictures, uint8 (N, H, W, C), C in {1, 3}: arrays in, numbers out.

Importing the package registers the measures and imports no torch.
"""

from fakeface.evaluation import quality  # noqa: F401 - registers the measures
