"""What a connector must be, and what the house lends it (one HTTP session, typed errors)."""
