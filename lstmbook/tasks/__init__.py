"""Data to train on: each task yields :class:`lstmbook.losses.Batch`."""
