"""The stock instrumentation against ours: the same requests, and everything that comes of them compared.

A *stack* is what instruments and what records: ``stock``, ``ours-on-stock-sdk``, ``ours-native``. Each stack runs the
same scenarios in a process of its own (``worker.py``) and sends its telemetry to the same OTLP receiver; ``bare`` runs
them without instrumentation, which is what the client's answers are held against where stock itself fails.
"""
