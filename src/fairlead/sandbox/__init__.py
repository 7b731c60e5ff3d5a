"""A CRM-neutral org (records, history, late visibility, faults, a clock) and its HTTP shell.

The faces that make it look like one CRM live beside each connector and share nothing with it.
"""
