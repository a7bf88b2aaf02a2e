"""What a task must say to become an application, and the values that its parts hand on."""
