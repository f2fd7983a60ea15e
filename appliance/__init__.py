"""hakiri-control: the control plane of a team's data pipelines."""

__version__ = "0.1.0"
