"""Rules ask of an output what it has to be, one module a kind of question, and return what they found wrong, in words."""
