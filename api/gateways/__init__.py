"""Gateways: where money enters and leaves. Each is a state machine kept as rows, driven by a worker."""
