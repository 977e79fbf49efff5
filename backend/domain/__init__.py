"""Words and rules of outreach; this package imports the standard library only."""
