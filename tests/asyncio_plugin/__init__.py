"""The asyncio plugin."""
