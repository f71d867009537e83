"""``make new-plugin``: what it makes, and what it refuses."""
