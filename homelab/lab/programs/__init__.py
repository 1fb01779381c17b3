"""The real programs of the lab: Traefik, one process a workload, and the sample app; other images run in name only."""
