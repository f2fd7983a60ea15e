"""What a connector may do, and nothing else: HTTP to allowed addresses, files under one root, log lines."""
