"""What a person sees: one file per pane, dialog and wizard step. May import `homelab`, never its adapters."""
