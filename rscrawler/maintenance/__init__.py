"""Maintenance of stored records: archived pages reparsed, articles regrouped, a store rebuilt."""
