"""The pure core: values in, a decision with its reasons out. No clock, network, random or SQL."""
