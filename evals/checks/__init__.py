"""What is asked of an output, one module a kind of question; every rule returns what it found wrong, in words."""
