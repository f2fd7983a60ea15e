"""The connectors that ship with the runtime: one folder each, with its source, its module and its description."""
