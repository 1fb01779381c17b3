"""The program: its entry, the headless commands and the one place that picks adapters."""
