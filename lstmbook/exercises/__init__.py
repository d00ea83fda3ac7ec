"""What learners practise on: the classic mistakes, and how to tell them apart."""
