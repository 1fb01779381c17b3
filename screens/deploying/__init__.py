"""What the deploy view is drawn from: pure functions from the scene to rows and sentences."""
