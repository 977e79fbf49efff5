"""A whole campaign on a simulated clock, and the scripted model that speaks in it without a key."""
