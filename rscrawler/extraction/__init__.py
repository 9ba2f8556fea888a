"""Page → Article: the page's own article alone, with the provenance of each field.

`article` combines the steps. `context` reads what the page declares. `body` extracts the text:
`container` (by profile) or `locate` (without) finds it, `blocks` makes a flat list of it, `label`
labels the blocks by a table of rules and `vocabulary.toml`. `fields` reads the other fields.
"""
