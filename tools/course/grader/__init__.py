"""Grade a submission whose code runs in a process of its own."""
