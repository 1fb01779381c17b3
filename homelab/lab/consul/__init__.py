"""Consul's HTTP API, as far as this program, the real Traefik and the issuer use it; all else answers 501.

Source: Consul 1.22, API docs; texts of refusals as the real program says them.
"""
