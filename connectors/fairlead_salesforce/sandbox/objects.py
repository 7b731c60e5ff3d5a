"""The tables of the org as text: one line per field, read by `schema.read_field`.

A small, true excerpt of the vendor's standard objects (names, types, lengths, what may be written)
plus the custom fields fairlead ships. `Name` is the pseudo-object behind polymorphic parents.
"""

from __future__ import annotations

from fairlead_salesforce.sandbox.schema import ObjectDef, define
from fairlead_salesforce.sandbox.setup_objects import SETUP_OBJECTS

_INDUSTRIES = (
    "Agriculture|Banking|Biotechnology|Consulting|Education|Energy|Finance|Healthcare|Insurance|"
    "Manufacturing|Retail|Technology|Other"
)
_STAGES = "Prospecting|Qualification|Proposal/Price Quote|Closed Won|Closed Lost"
_LEAD_STATUSES = (
    "Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted"
)

_PERSON_ADDRESS = """
Street textarea:255
City string:40
State string:80
PostalCode string:20
Country string:80
StateCode picklist:10 restricted
CountryCode picklist:10 restricted
"""

_LEAD = f"""
MasterRecordId reference>Lead=MasterRecord ro
LastName string:80 required
FirstName string:40
Salutation picklist:40 values=Mr.|Ms.|Mrs.|Dr.|Prof.
Name string:121 calc
Title string:128
Company string:255 required
{_PERSON_ADDRESS}
Address address
Phone phone:40
MobilePhone phone:40
Fax phone:40
Email email:80
Website url:255
Description textarea:32000 nofilter
LeadSource picklist:255 values=Web|Phone Inquiry|Partner Referral|Purchased List|Other
Status picklist:255 defaulted values={_LEAD_STATUSES}
Industry picklist:255 values={_INDUSTRIES}
Rating picklist:255 values=Hot|Warm|Cold
AnnualRevenue currency:18.0
NumberOfEmployees int:8
OwnerId reference>User,Group=Owner defaulted
HasOptedOutOfEmail boolean
HasOptedOutOfFax boolean
DoNotCall boolean
IsConverted boolean ro
ConvertedDate date ro
ConvertedAccountId reference>Account=ConvertedAccount ro
ConvertedContactId reference>Contact=ConvertedContact ro
ConvertedOpportunityId reference>Opportunity=ConvertedOpportunity ro
IsUnreadByOwner boolean
LastActivityDate date ro
LastTransferDate date ro
EmailBouncedReason string:255
EmailBouncedDate datetime
Fairlead_Reason__c string:255
Product_Interest__c string:255
Score__c double:4.0
Lost_Reason__c string:255
Instant_Reply__c string:255
Future_Interest__c datetime
Demo_Requested__c datetime
"""

_CONTACT = """
MasterRecordId reference>Contact=MasterRecord ro
AccountId reference>Account=Account
LastName string:80 required
FirstName string:40
Salutation picklist:40 values=Mr.|Ms.|Mrs.|Dr.|Prof.
Name string:121 calc
MailingStreet textarea:255
MailingCity string:40
MailingState string:80
MailingPostalCode string:20
MailingCountry string:80
Phone phone:40
MobilePhone phone:40
Email email:80
Title string:128
Department string:80
LeadSource picklist:255 values=Web|Phone Inquiry|Partner Referral|Purchased List|Other
Description textarea:32000 nofilter
OwnerId reference>User=Owner defaulted
HasOptedOutOfEmail boolean
DoNotCall boolean
LastActivityDate date ro
"""

_ACCOUNT = f"""
MasterRecordId reference>Account=MasterRecord ro
Name string:255 required
Type picklist:255 values=Prospect|Customer - Direct|Customer - Channel|Partner|Other
ParentId reference>Account=Parent
BillingStreet textarea:255
BillingCity string:40
BillingState string:80
BillingPostalCode string:20
BillingCountry string:80
Phone phone:40
Website url:255
Industry picklist:255 values={_INDUSTRIES}
AnnualRevenue currency:18.0
NumberOfEmployees int:8
Description textarea:32000 nofilter
OwnerId reference>User=Owner defaulted
LastActivityDate date ro
"""

_OPPORTUNITY = f"""
AccountId reference>Account=Account
Name string:120 required
StageName picklist:255 required values={_STAGES}
Amount currency:18.2
Probability percent:3.0
CloseDate date required
Type picklist:255 values=New Customer|Existing Customer - Upgrade
LeadSource picklist:255 values=Web|Phone Inquiry|Partner Referral|Purchased List|Other
IsClosed boolean ro
IsWon boolean ro
OwnerId reference>User=Owner defaulted
"""

_USER = """
Username string:80 required
LastName string:80 required
FirstName string:40
Name string:121 calc
Email email:128 required
Alias string:8 defaulted
Title string:80
Department string:80
Phone phone:40
IsActive boolean
UserType picklist:40 ro values=Standard|PowerPartner|Guest|AutomatedProcess
TimeZoneSidKey picklist:40 defaulted
LocaleSidKey picklist:40 defaulted
LanguageLocaleKey picklist:40 defaulted
ProfileId reference>Profile=Profile
UserRoleId reference>UserRole=UserRole
ManagerId reference>User=Manager
DelegatedApproverId reference>User
OutOfOfficeMessage string:40
LastLoginDate datetime ro
FederationIdentifier string:512
"""

_TASK = """
WhoId reference>Contact,Lead=Who
WhatId reference>Account,Opportunity,Campaign=What
Subject combobox:255
ActivityDate date
Status picklist:255 defaulted
Priority picklist:255 defaulted values=High|Normal|Low
IsHighPriority boolean ro
OwnerId reference>User,Group=Owner defaulted
Description textarea:32000 nofilter
Type picklist:40 values=Call|Email|Meeting|Other
AccountId reference>Account=Account ro
IsClosed boolean ro
IsArchived boolean ro
CompletedDateTime datetime ro
CallDurationInSeconds int:8
CallType picklist:40 values=Inbound|Outbound|Internal
CallDisposition string:255
IsReminderSet boolean
ReminderDateTime datetime
TaskSubtype picklist:40 createonly restricted values=Task|Email|Call|LinkedIn|Cadence|ListEmail
Fairlead_Key__c string:255 external unique
"""

_EVENT = """
WhoId reference>Contact,Lead=Who
WhatId reference>Account,Opportunity,Campaign=What
Subject combobox:255
Location string:255
IsAllDayEvent boolean
StartDateTime datetime
EndDateTime datetime
ActivityDateTime datetime
ActivityDate date
DurationInMinutes int:8
Description textarea:32000 nofilter
AccountId reference>Account=Account ro
OwnerId reference>User=Owner defaulted
Type picklist:40 values=Call|Email|Meeting|Other
IsPrivate boolean
ShowAs picklist:40 defaulted values=Busy|OutOfOffice|Free
IsChild boolean ro
IsArchived boolean ro
EventSubtype picklist:40 createonly restricted values=Event
Fairlead_Key__c string:255 external unique
"""

_EMAIL_MESSAGE = """
ActivityId reference>Task=Activity createonly
RelatedToId reference>Account,Opportunity,Campaign=RelatedTo
Subject string:3000
TextBody textarea:131072 nofilter
HtmlBody textarea:131072 nofilter
FromAddress email:1000
FromName string:1000
ToAddress string:4000
CcAddress string:4000
Incoming boolean
Status picklist:40 defaulted restricted values=0|1|2|3|4|5
MessageDate datetime
AutomationType picklist:40 restricted values=AiAutomated|AiAssisted
MessageIdentifier string:765
ThreadIdentifier string:765
"""

_LEAD_HISTORY = """
LeadId reference>Lead=Lead ro
Field picklist:255 ro
DataType picklist:40 ro
OldValue string:255 ro nofilter
NewValue string:255 ro nofilter
"""

_NAME = """
Name string:255
FirstName string:40
LastName string:80
Type picklist:40
Email email:128
Phone phone:40
Title string:128
Username string:80
Alias string:8
IsActive boolean
ProfileId reference>Profile=Profile
UserRoleId reference>UserRole=UserRole
"""

OBJECTS: tuple[ObjectDef, ...] = (
    define("Lead", "00Q", "Lead|Leads", "crud", "full", _LEAD),
    define("Contact", "003", "Contact|Contacts", "crud", "full", _CONTACT),
    define("Account", "001", "Account|Accounts", "crud", "full", _ACCOUNT),
    define("Opportunity", "006", "Opportunity|Opportunities", "crud", "full", _OPPORTUNITY),
    define("User", "005", "User|Users", "cru", "setup", _USER),
    define("Task", "00T", "Task|Tasks", "crud", "full", _TASK),
    define("Event", "00U", "Event|Events", "crud", "full", _EVENT),
    define("EmailMessage", "02s", "Email Message|Email Messages", "crud", "full", _EMAIL_MESSAGE),
    define(
        "EmailMessageRelation",
        "0EM",
        "Email Message Relation|Email Message Relations",
        "crd",
        "full",
        """
        EmailMessageId reference>EmailMessage=EmailMessage required createonly
        RelationId reference>Lead,Contact,User=Relation createonly
        RelationType picklist:40 required createonly
        RelationAddress string:1000 createonly
        """,
    ),
    define(
        "Campaign",
        "701",
        "Campaign|Campaigns",
        "crud",
        "full",
        """
        Name string:80 required
        IsActive boolean
        Type picklist:255
        Status picklist:255
        StartDate date
        EndDate date
        OwnerId reference>User=Owner defaulted
        """,
    ),
    define(
        "CampaignMember",
        "00v",
        "Campaign Member|Campaign Members",
        "crud",
        "full",
        """
        CampaignId reference>Campaign=Campaign required createonly
        LeadId reference>Lead=Lead createonly
        ContactId reference>Contact=Contact createonly
        Status picklist:40 defaulted
        HasResponded boolean ro
        FirstRespondedDate date ro
        """,
    ),
    define(
        "CampaignMemberStatus",
        "01Y",
        "Campaign Member Status|Campaign Member Statuses",
        "crud",
        "full",
        """
        CampaignId reference>Campaign=Campaign required createonly
        Label string:40 required
        SortOrder int:8
        IsDefault boolean
        HasResponded boolean
        """,
    ),
    define("LeadHistory", "017", "Lead History|Lead History", "r", "history", _LEAD_HISTORY),
    *SETUP_OBJECTS,
    define("Name", "", "Name|Names", "", "name", _NAME),
)
