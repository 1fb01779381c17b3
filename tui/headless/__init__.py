"""The commands that need no screen: thin, one file per group, printing what `homelab` finds and does."""
