"""Two weeks of a company in minutes: `fairlead simulate`.

The real daemon, through its real connectors, against both sandboxes, on a clock that goes from one
event to the next; people who answer late or never; and an audit from the sandboxes' own logs.
"""

from fairlead.simulation.play import Outcome as Outcome
from fairlead.simulation.play import simulate as simulate
