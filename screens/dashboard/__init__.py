"""The live screens: one file per pane, registered by one line in `screens.commands`."""
