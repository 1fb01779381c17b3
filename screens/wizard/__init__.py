"""The set-up, one file a step."""
