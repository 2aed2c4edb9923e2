"""Property tests try new examples at the desk, and the same ones in every run of the gate."""

import os

from hypothesis import settings

settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("gate" if "CI" in os.environ else "desk")
