"""What belongs to the book's course: exercises that check themselves, experiments.

The library knows nothing of this package.
"""
