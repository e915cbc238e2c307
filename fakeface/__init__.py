"""GANs on faces: data, networks, training and evaluation. Knows nothing of schedules or tracking."""
