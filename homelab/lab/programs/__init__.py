"""What runs in the lab's pods: Traefik, loader and issuer for real, Consul and the sample app as parts of the lab.

Images of all others run in name only.
"""
