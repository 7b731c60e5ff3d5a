"""fairlead: routes leads in Salesforce and HubSpot fairly, once, and with a reason for each."""

__version__ = "0.1.0"
