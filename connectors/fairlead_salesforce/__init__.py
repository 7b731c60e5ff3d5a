"""The Salesforce connector: polls leads and writes owners and tasks through simple-salesforce."""
