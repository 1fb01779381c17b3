"""The embedded cluster: a server in its own process that the rest of the product meets as one more kubeconfig."""
