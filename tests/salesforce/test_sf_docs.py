"""The set-up page names every setting with its default, and metadata that a deployment takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

from fairlead_salesforce.mapping import AUDIT_FIELD, MARKER_FIELD
from fairlead_salesforce.settings import SalesforceSettings

PAGE = (Path(__file__).parents[2] / "docs" / "connectors-salesforce.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(xml|toml)\n(.*?)```", PAGE, re.S))
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"


def test_every_setting_is_on_the_page_and_the_example_is_valid() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE)) | set(re.findall(r"^(\w+) =", BLOCKS["toml"], re.M))
    known = set(SalesforceSettings.model_fields) - {"lead_object"}
    assert known <= named | {"consumer_secret_file"}
    assert "consumer_secret_file" in PAGE
    SalesforceSettings.model_validate(tomllib.loads(BLOCKS["toml"])["salesforce"])


def test_the_defaults_in_the_table_are_the_code_s() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([\d.]+)`? \|", PAGE, re.M))
    assert set(rows) == {"api_version", "lookback", "page_size"}
    for name, text in rows.items():
        assert float(text) == float(SalesforceSettings.model_fields[name].default)


def test_the_fields_to_deploy_are_those_the_connector_writes() -> None:
    fields = {}
    for text in re.findall(r"```xml\n(.*?)```", PAGE, re.S):
        root = ElementTree.fromstring(text.encode())
        fields[root.findtext(f"{NAMESPACE}fullName")] = root
    assert set(fields) == {MARKER_FIELD, AUDIT_FIELD}
    marker = fields[MARKER_FIELD]
    for name in ("externalId", "unique"):
        assert marker.findtext(f"{NAMESPACE}{name}") == "true"
    assert "`objects/Activity/fields/Fairlead_Key__c.field-meta.xml`" in PAGE
