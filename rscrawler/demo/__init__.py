"""The sample site of `rscrawler demo`: a small news site on loopback.

`stories` says what was written, `generator` writes more, `state` is what is public now, `bodies`
and `pages` render it, `server` speaks HTTP, `site` runs it. The truth about it comes from the
stories alone; nothing here reads a rendered page. What tests do to it is in `tests/sample_site`.
"""
