"""What identifies a patient, found and removed."""
