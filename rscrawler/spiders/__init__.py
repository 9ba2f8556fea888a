"""The spider: requests a site's sources, discovers addresses, fetches article pages."""
