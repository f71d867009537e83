"""The asgiref plugin: the spans of bridges, their stacks, and the spans of calls over them."""
