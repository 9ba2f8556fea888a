"""The dashboard: what was found and whether all is well, for people with a browser.

Read-only, without a script, over the standard library's server. A request is a
path and its parameters, a response is bytes; `pages` has a function for each page,
`routes` says which serves what and turns errors into answers, `server` puts both on
the wire.
"""
