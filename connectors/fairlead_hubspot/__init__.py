"""The HubSpot connector; `connector.py` holds it and is imported only when the house asks."""
