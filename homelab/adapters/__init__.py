"""The edge: the only importers of client libraries, one file each, keeping the promises of `homelab.ports`."""
