"""Is it healthy? Cycles judged, problems raised and cleared, numbers for others to watch."""
