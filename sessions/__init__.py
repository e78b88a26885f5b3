"""What the worker and the control API share: records, outbox, leases, queue names and stores."""

__version__ = "0.2.0"
