"""The connector's promises as tests, by concern; `fairlead.testing.contract` puts them together."""
