"""The GAN: networks, losses, optimizers, initializers, the step on one screen, and checkpoints."""
