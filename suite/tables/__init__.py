"""Tables of rows: read, mapped from disk, their columns named, parted and fingerprinted."""
