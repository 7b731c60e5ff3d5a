"""Describe: what an object and its fields are, in the vendor's words, from `schema`."""

from __future__ import annotations

from typing import Any

from fairlead.sandbox.org import Who
from fairlead_salesforce.sandbox.places import COUNTRIES, STATES
from fairlead_salesforce.sandbox.rows import allowed
from fairlead_salesforce.sandbox.schema import TEXTUAL, FieldDef, ObjectDef
from fairlead_salesforce.sandbox.setup_objects import LEAD_STATUSES, TASK_STATUSES
from fairlead_salesforce.sandbox.state import Sandbox

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}


def summary(sb: Sandbox, obj: ObjectDef, who: Who, version: str) -> dict[str, Any]:
    """One entry of describeGlobal."""
    base = f"/services/data/v{version}/sobjects/{obj.name}"
    able = {op: allowed(sb, obj, op, who) for op in "crud"}
    return {
        "activateable": False,
        "createable": able["c"],
        "custom": False,
        "customSetting": False,
        "deletable": able["d"],
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isSubtype": False,
        "keyPrefix": obj.prefix,
        "label": obj.label,
        "labelPlural": obj.plural,
        "layoutable": able["c"],
        "mergeable": obj.name in ("Lead", "Contact", "Account"),
        "mruEnabled": able["c"],
        "name": obj.name,
        "queryable": able["r"],
        "replicateable": obj.soft_delete,
        "retrieveable": able["r"],
        "searchable": able["c"],
        "triggerable": able["c"],
        "undeletable": able["d"] and obj.soft_delete,
        "updateable": able["u"],
        "urls": {
            "sobject": base,
            "describe": f"{base}/describe",
            "rowTemplate": f"{base}/{{ID}}",
        },
    }


def full(sb: Sandbox, obj: ObjectDef, who: Who, version: str) -> dict[str, Any]:
    """`/sobjects/{o}/describe`."""
    return {
        **summary(sb, obj, who, version),
        "fields": [one_field(sb, obj, f, who) for f in obj.fields],
        "childRelationships": _child_relationships(sb, obj),
        "recordTypeInfos": [
            {
                "active": True,
                "available": True,
                "defaultRecordTypeMapping": True,
                "developerName": "Master",
                "master": True,
                "name": "Master",
                "recordTypeId": "012000000000000AAA",
                "urls": {},
            }
        ],
        "namedLayoutInfos": [],
        "supportedScopes": [],
    }


def one_field(sb: Sandbox, obj: ObjectDef, field: FieldDef, who: Who) -> dict[str, Any]:
    """One field of a describe."""
    textual = field.type in TEXTUAL
    length = field.length if textual or field.type in ("id", "reference") else 0
    return {
        "autoNumber": False,
        "byteLength": length * 3 if textual else length,
        "calculated": field.calculated,
        "caseSensitive": False,
        "compoundFieldName": _compound(obj, field),
        "createable": field.createable and allowed(sb, obj, "c", who),
        "custom": field.custom,
        "defaultedOnCreate": field.defaulted or field.type == "boolean",
        "digits": field.length if field.type == "int" else 0,
        "externalId": field.external,
        "filterable": field.filterable,
        "groupable": field.groupable,
        "idLookup": field.name == "Id" or field.external or field.name in ("Email", "Username"),
        "label": field.label,
        "length": length,
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": field.nillable,
        "permissionable": not field.required and field.createable,
        "picklistValues": _picklist(field, obj),
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.length if field.type in ("currency", "double", "percent") else 0,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable and allowed(sb, obj, "u", who),
    }


def _compound(obj: ObjectDef, field: FieldDef) -> str | None:
    name = obj.find("Name")
    if name and name.calculated and field.name in ("FirstName", "LastName", "Salutation"):
        return "Name"
    parts = ("Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode")
    return "Address" if obj.name == "Lead" and field.name in parts else None


def _picklist(field: FieldDef, obj: ObjectDef) -> list[dict[str, Any]]:
    pairs = [(v, v) for v in field.picklist]
    default = ""
    if field.name == "CountryCode":
        pairs = list(COUNTRIES.items())
    elif field.name == "StateCode":
        pairs = sorted({p for states in STATES.values() for p in states.items()})
    elif (obj.name, field.name) == ("Task", "Status"):
        pairs = [(name, name) for name, _, _ in TASK_STATUSES]
        default = next(name for name, first, _ in TASK_STATUSES if first)
    elif (obj.name, field.name) == ("Lead", "Status"):
        default = next(name for name, first, _ in LEAD_STATUSES if first)
    return [
        {
            "active": True,
            "defaultValue": value == default,
            "label": label,
            "validFor": None,
            "value": value,
        }
        for value, label in pairs
    ]


def _child_relationships(sb: Sandbox, obj: ObjectDef) -> list[dict[str, Any]]:
    return [
        {
            "cascadeDelete": False,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": f.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": None,
            "restrictedDelete": False,
        }
        for child in sb.schema.all()
        for f in child.fields
        if obj.name in f.reference_to
    ]
