"""The tables of the org's own furniture: queues, statuses, the organization, logins, absences.

Same form as `objects`, which includes them; plus the values a new row starts with.
"""

from __future__ import annotations

from fairlead_salesforce.sandbox.schema import ObjectDef, define

SETUP_OBJECTS: tuple[ObjectDef, ...] = (
    define(
        "Group",
        "00G",
        "Group|Groups",
        "crud",
        "setup",
        """
        Name string:40 required
        DeveloperName string:80
        Type picklist:40 defaulted createonly values=Regular|Queue|Role|Organization
        Email email:255
        RelatedId reference>User=Related ro
        DoesSendEmailToMembers boolean
        """,
    ),
    define(
        "GroupMember",
        "011",
        "Group Member|Group Members",
        "crd",
        "link",
        """
        GroupId reference>Group=Group required createonly
        UserOrGroupId reference>User,Group required createonly
        """,
    ),
    define(
        "QueueSobject",
        "03g",
        "Queue Sobject|Queue Sobjects",
        "crd",
        "link",
        """
        QueueId reference>Group=Queue required createonly
        SobjectType picklist:40 required createonly
        """,
    ),
    define(
        "LeadStatus",
        "01J",
        "Lead Status Value|Lead Status Values",
        "r",
        "setup",
        """
        ApiName string:255 ro
        MasterLabel string:255 ro
        SortOrder int:8 ro
        IsDefault boolean ro
        IsConverted boolean ro
        """,
    ),
    define(
        "TaskStatus",
        "01K",
        "Task Status Value|Task Status Values",
        "r",
        "setup",
        """
        ApiName string:255 ro
        MasterLabel string:255 ro
        SortOrder int:8 ro
        IsDefault boolean ro
        IsClosed boolean ro
        """,
    ),
    define(
        "Organization",
        "00D",
        "Organization|Organizations",
        "r",
        "setup",
        """
        Name string:80 ro
        OrganizationType picklist:40 ro
        InstanceName string:5 ro
        IsSandbox boolean ro
        TimeZoneSidKey picklist:40 ro
        LanguageLocaleKey picklist:40 ro
        DefaultLocaleSidKey picklist:40 ro
        NamespacePrefix string:15 ro
        """,
    ),
    define(
        "UserLogin",
        "0YW",
        "User Login|User Login",
        "r",
        "link",
        """
        UserId reference>User ro
        IsFrozen boolean ro
        IsPasswordLocked boolean ro
        """,
    ),
    define(
        "OutOfOffice",
        "0Xo",
        "Out of Office|Out of Office",
        "crud",
        "full",
        """
        UserId reference>User=User required createonly
        StartDate datetime required
        EndDate datetime required
        Message string:40
        IsEnabled boolean defaulted nofilter
        """,
    ),
    define(
        "ServicePresenceStatus",
        "0N5",
        "Presence Status|Presence Statuses",
        "r",
        "setup",
        """
        DeveloperName string:80 ro
        MasterLabel string:80 ro
        """,
    ),
    define(
        "UserServicePresence",
        "0Nr",
        "User Presence|User Presences",
        "r",
        "full",
        """
        Name string:255 ro
        UserId reference>User=User ro
        ServicePresenceStatusId reference>ServicePresenceStatus=ServicePresenceStatus ro
        IsAway boolean ro
        IsCurrentState boolean ro
        StatusStartDate datetime ro
        StatusEndDate datetime ro
        StatusDuration int:9 ro
        ConfiguredCapacity int:9 ro
        """,
    ),
    define("Profile", "00e", "Profile|Profiles", "r", "setup", "Name string:255 ro"),
    define(
        "UserRole",
        "00E",
        "Role|Roles",
        "r",
        "setup",
        """
        Name string:80 ro
        ParentRoleId reference>UserRole ro
        """,
    ),
)

PEOPLE = frozenset({"Lead", "Contact", "User"})
"""Objects whose Name is made of FirstName and LastName."""

OMNI_CHANNEL = ("UserServicePresence", "ServicePresenceStatus")
"""Objects that exist only where Omni-Channel is switched on."""

PRESENCE_STATUSES = (("Available_Chat", "Available", False), ("Busy", "Busy", True))
"""DeveloperName, MasterLabel, whether it is an away status."""

LEAD_STATUSES = (
    ("Open - Not Contacted", True, False),
    ("Working - Contacted", False, False),
    ("Closed - Converted", False, True),
    ("Closed - Not Converted", False, False),
)
"""ApiName, IsDefault, IsConverted."""

TASK_STATUSES = (
    ("Not Started", True, False),
    ("In Progress", False, False),
    ("Completed", False, True),
    ("Waiting on someone else", False, False),
    ("Deferred", False, False),
)
"""ApiName, IsDefault, IsClosed."""

DEFAULTS: dict[str, dict[str, object]] = {
    "Lead": {"Status": "Open - Not Contacted", "IsConverted": False, "IsUnreadByOwner": True},
    "Task": {
        "Status": "Not Started",
        "Priority": "Normal",
        "TaskSubtype": "Task",
        "IsClosed": False,
        "IsArchived": False,
    },
    "Event": {"ShowAs": "Busy", "EventSubtype": "Event", "IsChild": False, "IsArchived": False},
    "EmailMessage": {"Status": "3"},
    "CampaignMember": {"HasResponded": False},
    "Group": {"Type": "Regular"},
    "OutOfOffice": {"IsEnabled": True},
    "User": {
        "IsActive": True,
        "UserType": "Standard",
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US",
    },
}
"""What a new row gets where the writer said nothing; booleans not listed start as false."""
