"""What is done to records that are stored already: read again, regrouped, rebuilt."""
