"""The wire of the sync protocol, without input or output: frames to bytes and back."""
