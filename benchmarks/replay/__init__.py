"""Publication histories replayed under schedules: what each costs, and how soon it sees them."""
