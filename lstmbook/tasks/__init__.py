"""Data to train on: each task yields :class:`lstmbook.data.Batch`."""
