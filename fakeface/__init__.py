"""GANs on faces: data, networks, training and evaluation. Independent of schedules and tracking."""
