"""What the commands do. Imported when a command runs: these modules import what they need at their top."""
