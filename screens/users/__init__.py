"""The view of who may come in with a password."""
