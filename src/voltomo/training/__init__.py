"""Train a network from a few labels: sampling, augmentation, loss, schedule, resume."""
