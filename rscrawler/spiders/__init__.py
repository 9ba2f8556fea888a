"""Discovery: a site's sources, the addresses on them, the article pages behind those."""
