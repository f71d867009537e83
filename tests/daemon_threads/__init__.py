"""Processes that end while daemon threads are inside our code."""
