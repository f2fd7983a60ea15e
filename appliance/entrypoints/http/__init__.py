"""The HTTP API: parse, ask one service, translate."""
