"""The plan: the wished state of one home's LAN and cluster, as read from `homelab.yaml`."""
