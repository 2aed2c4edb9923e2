"""Describes this machine, for the card of a language model."""

import os
import platform
from pathlib import Path

import torch


def describe_hardware(device: torch.device) -> str:
    """`AMD EPYC 7763, 2 cores`, with the name of the GPU before it where that is used."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processor = f"{_processor()}, {n_cores} {'core' if n_cores == 1 else 'cores'}"
    return f"{torch.cuda.get_device_name(device)}; {processor}" if device.type == "cuda" else processor


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown processor"
