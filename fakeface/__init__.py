"""GANs on faces: data, networks, training and evaluation. Independent of schedules and tracking."""

from fakeface.environment import shorten_spinning

shorten_spinning()  # before anything loads torch
