"""The networks: how they are loaded, trained and asked."""
