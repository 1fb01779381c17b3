"""The stack: what it is made of, and how it comes onto a cluster and off it again."""
