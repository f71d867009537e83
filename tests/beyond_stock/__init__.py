"""What the stock packages get wrong and ours do not: each test passes on ours and must fail on stock.

A scenario runs in a process of its stack (``parity.worker``), where nothing of the other instrumentation is loaded; the
test looks at what the scenario noted, what the client got, and what the receiver was sent.
"""
