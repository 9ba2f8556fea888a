"""The sample site: a small news site on loopback whose truth is known.

`stories` says what was written, `generator` writes more, `state` is what is public now, `bodies`
and `pages` render it, `server` speaks HTTP, `site` is the handle that tests, the demo and the
benchmarks hold. Truth comes from the stories alone; nothing here reads a rendered page.
"""
