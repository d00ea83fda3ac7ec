"""Files that take the place of the exercises' solutions in the students' package."""
