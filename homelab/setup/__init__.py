"""From a bare cluster to a plan: what is found, what is proposed, what a person answers."""
