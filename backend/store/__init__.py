"""The tables of the service in D1, each behind the port that the verbs and the doors use."""
