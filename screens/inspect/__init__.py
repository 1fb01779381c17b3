"""What is opened from any row that stands for objects: their YAML, what their pods say, what happened to them."""
