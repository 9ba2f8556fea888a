"""The dashboard: search articles, judge flags, check health and retry messages in a browser.

A Starlette application over the store, served by uvicorn; plain HTML without scripts. `app` has
the routes, middleware and server; each subject is a module with its views; `dashboard` has what all
pages share; `access` decides who may change something.
"""
