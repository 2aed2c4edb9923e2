"""The Open Inference Protocol v2 (KServe, Triton) over HTTP, for gateways and clients that speak it."""
