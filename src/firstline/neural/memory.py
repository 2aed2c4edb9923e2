"""Recognises out-of-memory errors, which differ from library to library."""

_SAID = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate memory")
"""By PyTorch, for GPU and processor, and by ONNX Runtime."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` means that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _SAID)
