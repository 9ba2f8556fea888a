"""What the project promises in figures, measured: each a ratio of two things in one run."""
