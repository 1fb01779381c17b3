"""Small checks of what only a look at the real network and cluster can tell; the plan's own rules are in `plan`."""
