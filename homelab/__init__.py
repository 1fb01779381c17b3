"""What the product knows: plan, stack, observation. Client libraries only in `adapters`, no screen at all."""
