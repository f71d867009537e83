"""The WSGI plugin in this process: the middleware, the public functions, the servers that it wraps."""
