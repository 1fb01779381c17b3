"""Programs that print the figures of docs/performance.md; they compare, since a time alone means little elsewhere."""
