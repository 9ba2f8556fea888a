"""The dashboard: search, judge, look, mend, for people with a browser.

A Starlette application over the store, served by uvicorn; plain HTML that needs no script.
`app` says which view serves what and puts the guards around them; each page is a module with
its views; `dashboard` is what they are made from, `access` says who may change something.
"""
