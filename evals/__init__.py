"""The release gate and its evidence: evals judge the service from above and are never imported by it."""
