"""When sources are visited: schedules, the service, and the adaptive policy."""
