"""The one inference path: a loaded model that answers, batch by batch."""
