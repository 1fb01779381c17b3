"""What is asked before something is written."""
