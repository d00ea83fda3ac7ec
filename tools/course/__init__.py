"""The course kit: what an instructor hands out and grades, made from the book."""
