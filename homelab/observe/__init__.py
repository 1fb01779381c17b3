"""What is live: raw objects in, frozen facts out. Pure functions, one file per subject; none of them asks anybody."""
