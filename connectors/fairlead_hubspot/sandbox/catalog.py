"""The properties a new portal has, as a table: one line per property.

Columns: name, type, flags, options. Flags: `r` read-only, `c` calculated (read-only, and changes
without touching the modified date), `u` unique, `o` holds owner ids, `m` several values, `x`
custom, `e` e-mail address, `t` multi-line.
"""

from __future__ import annotations

LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
"""The funnel, in order; the API moves a record only to the right."""

_LEAD_STATUS = (
    "NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING"
)
_SOURCES = (
    "ORGANIC_SEARCH PAID_SEARCH EMAIL_MARKETING SOCIAL_MEDIA REFERRALS OTHER_CAMPAIGNS "
    "DIRECT_TRAFFIC OFFLINE PAID_SOCIAL AI_REFERRALS"
)
_INDUSTRIES = (
    "ACCOUNTING AIRLINES_AVIATION AUTOMOTIVE BANKING BIOTECHNOLOGY CHEMICALS COMPUTER_SOFTWARE "
    "CONSTRUCTION CONSUMER_SERVICES EDUCATION_MANAGEMENT FINANCIAL_SERVICES FOOD_BEVERAGES "
    "HEALTH_WELLNESS_AND_FITNESS HOSPITAL_HEALTH_CARE INFORMATION_TECHNOLOGY_AND_SERVICES "
    "INSURANCE INTERNET LOGISTICS_AND_SUPPLY_CHAIN MACHINERY MANAGEMENT_CONSULTING "
    "MARKETING_AND_ADVERTISING MEDIA_PRODUCTION OIL_ENERGY PHARMACEUTICALS REAL_ESTATE RETAIL "
    "TELECOMMUNICATIONS TRANSPORTATION_TRUCKING_RAILROAD UTILITIES WHOLESALE"
)

Line = tuple[str, str, str, str]

_EVERY: tuple[Line, ...] = (
    ("hs_object_id", "number", "ru", ""),
    ("hs_createdate", "datetime", "r", ""),
    ("hs_lastmodifieddate", "datetime", "r", ""),
    ("hs_created_by_user_id", "number", "r", ""),
    ("hs_updated_by_user_id", "number", "r", ""),
    ("hs_object_source", "string", "r", ""),
    ("hs_object_source_id", "string", "r", ""),
    ("hs_merged_object_ids", "enumeration", "rm", ""),
    ("hubspot_owner_id", "enumeration", "o", ""),
    ("hubspot_owner_assigneddate", "datetime", "r", ""),
    ("hs_all_owner_ids", "enumeration", "rm", ""),
)

_PEOPLE: tuple[Line, ...] = (
    ("notes_last_contacted", "datetime", "c", ""),
    ("num_contacted_notes", "number", "c", ""),
    ("notes_last_updated", "datetime", "c", ""),
    ("hs_analytics_source", "enumeration", "r", _SOURCES),
    ("hs_analytics_source_data_1", "string", "r", ""),
    ("lifecyclestage", "enumeration", "", " ".join(LIFECYCLE)),
    ("hs_lead_status", "enumeration", "", _LEAD_STATUS),
    ("country", "string", "", ""),
    ("state", "string", "", ""),
    ("zip", "string", "", ""),
    ("city", "string", "", ""),
    ("address", "string", "", ""),
    ("phone", "phone_number", "", ""),
    ("website", "string", "", ""),
    ("annualrevenue", "number", "", ""),
    ("hs_all_collaborator_owner_ids", "enumeration", "om", ""),
)

_CONTACT: tuple[Line, ...] = (
    ("email", "string", "ue", ""),
    ("hs_additional_emails", "enumeration", "rm", ""),
    ("firstname", "string", "", ""),
    ("lastname", "string", "", ""),
    ("jobtitle", "string", "", ""),
    ("salutation", "string", "", ""),
    ("mobilephone", "phone_number", "", ""),
    ("company", "string", "", ""),
    ("industry", "string", "", ""),
    ("numemployees", "enumeration", "", "1-5 5-25 25-50 50-100 100-500 500-1000 1000+"),
    ("message", "string", "t", ""),
    ("createdate", "datetime", "r", ""),
    ("lastmodifieddate", "datetime", "r", ""),
    ("hs_email_domain", "string", "r", ""),
    ("hs_email_optout", "bool", "r", ""),
    ("hs_timezone", "string", "", ""),
    ("hs_language", "string", "", ""),
    ("hs_pipeline", "string", "r", ""),
    ("hs_is_contact", "bool", "r", ""),
    ("hs_is_unworked", "bool", "c", ""),
    ("hs_all_contact_vids", "enumeration", "rm", ""),
    ("hs_calculated_merged_vids", "enumeration", "cm", ""),
    ("hs_country_region_code", "string", "", ""),
    ("hs_state_code", "string", "", ""),
    ("hs_analytics_first_url", "string", "r", ""),
    ("recent_conversion_event_name", "string", "r", ""),
    ("recent_conversion_date", "datetime", "r", ""),
    ("num_conversion_events", "number", "c", ""),
    ("hubspotscore", "number", "c", ""),
    ("associatedcompanyid", "number", "r", ""),
    ("hs_first_outreach_date", "datetime", "c", ""),
    ("hs_sa_first_engagement_date", "datetime", "c", ""),
    ("hs_time_to_first_engagement", "number", "c", ""),
    ("hs_first_engagement_object_id", "number", "c", ""),
    ("hs_last_sales_activity_timestamp", "datetime", "c", ""),
    ("hs_latest_source", "enumeration", "r", _SOURCES),
    ("product_interest", "string", "x", ""),
    ("lost_reason", "string", "x", ""),
    ("instant_reply", "string", "x", ""),
    ("future_interest", "datetime", "x", ""),
    ("demo_requested", "datetime", "x", ""),
    ("fairlead_reason", "string", "xt", ""),
)

_COMPANY: tuple[Line, ...] = (
    ("name", "string", "", ""),
    ("domain", "string", "", ""),
    ("createdate", "datetime", "r", ""),
    ("industry", "enumeration", "", _INDUSTRIES),
    ("type", "enumeration", "", "PROSPECT PARTNER RESELLER VENDOR OTHER"),
    ("numberofemployees", "number", "", ""),
    ("description", "string", "t", ""),
    ("hs_parent_company_id", "number", "", ""),
    ("num_associated_contacts", "number", "c", ""),
)

_DEAL: tuple[Line, ...] = (
    ("dealname", "string", "", ""),
    ("amount", "number", "", ""),
    ("closedate", "datetime", "", ""),
    ("createdate", "datetime", "r", ""),
    ("pipeline", "enumeration", "", "default"),
    (
        "dealstage",
        "enumeration",
        "",
        "appointmentscheduled qualifiedtobuy presentationscheduled decisionmakerboughtin "
        "contractsent closedwon closedlost",
    ),
    ("hs_is_closed_won", "bool", "c", ""),
    ("hs_all_collaborator_owner_ids", "enumeration", "om", ""),
)

_TICKET: tuple[Line, ...] = (
    ("subject", "string", "", ""),
    ("content", "string", "t", ""),
    ("createdate", "datetime", "r", ""),
    ("hs_pipeline", "enumeration", "", "0"),
    ("hs_pipeline_stage", "enumeration", "", "1 2 3 4"),
)

_LEAD: tuple[Line, ...] = (
    ("hs_lead_name", "string", "", ""),
    ("hs_lead_type", "enumeration", "", "NEW_BUSINESS UPSELL RE_ATTEMPTING"),
    ("hs_lead_label", "enumeration", "", "HOT WARM COLD"),
    ("hs_pipeline", "enumeration", "", "lead-pipeline-id"),
    (
        "hs_pipeline_stage",
        "enumeration",
        "",
        "new-stage-id attempting-stage-id connected-stage-id qualified-stage-id "
        "unqualified-stage-id",
    ),
    ("hs_all_collaborator_owner_ids", "enumeration", "om", ""),
    ("fairlead_reason", "string", "xt", ""),
)

_ACTIVITY: tuple[Line, ...] = (
    ("hs_timestamp", "datetime", "", ""),
    ("hs_activity_type", "string", "", ""),
    ("hs_created_by", "number", "r", ""),
)

_TASK: tuple[Line, ...] = (
    ("hs_task_subject", "string", "", ""),
    ("hs_task_body", "string", "t", ""),
    ("hs_task_status", "enumeration", "", "NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED"),
    ("hs_task_priority", "enumeration", "", "LOW MEDIUM HIGH NONE"),
    ("hs_task_type", "enumeration", "", "TODO CALL EMAIL LINKED_IN_CONNECT LINKED_IN_MESSAGE"),
    ("hs_task_reminders", "string", "", ""),
    ("hs_task_completion_date", "datetime", "r", ""),
    ("hs_queue_membership_ids", "string", "", ""),
    ("fairlead_key", "string", "xu", ""),
)

_NOTE: tuple[Line, ...] = (("hs_note_body", "string", "t", ""),)

_CALL: tuple[Line, ...] = (
    ("hs_call_title", "string", "", ""),
    ("hs_call_body", "string", "t", ""),
    ("hs_call_direction", "enumeration", "", "INBOUND OUTBOUND"),
    ("hs_call_duration", "number", "", ""),
    ("hs_call_disposition", "string", "", ""),
    ("hs_call_status", "enumeration", "", "BUSY CALLING CANCELED COMPLETED FAILED NO_ANSWER"),
)

_EMAIL: tuple[Line, ...] = (
    ("hs_email_subject", "string", "", ""),
    ("hs_email_text", "string", "t", ""),
    ("hs_email_direction", "enumeration", "", "EMAIL INCOMING_EMAIL FORWARDED_EMAIL"),
    ("hs_email_status", "enumeration", "", "BOUNCED FAILED SCHEDULED SENDING SENT"),
    ("hs_sequence_id", "string", "r", ""),
)

_MEETING: tuple[Line, ...] = (
    ("hs_meeting_title", "string", "", ""),
    ("hs_meeting_body", "string", "t", ""),
    ("hs_meeting_start_time", "datetime", "", ""),
    ("hs_meeting_end_time", "datetime", "", ""),
    ("hs_meeting_outcome", "enumeration", "", "SCHEDULED COMPLETED RESCHEDULED NO_SHOW CANCELED"),
)

_COMMUNICATION: tuple[Line, ...] = (
    ("hs_communication_channel_type", "enumeration", "", "SMS WHATS_APP LINKEDIN_MESSAGE"),
    ("hs_communication_logged_from", "enumeration", "", "CRM"),
    ("hs_communication_body", "string", "t", ""),
)

_USER: tuple[Line, ...] = (
    ("hs_internal_user_id", "number", "r", ""),
    ("hs_email", "string", "r", ""),
    ("hs_given_name", "string", "r", ""),
    ("hs_family_name", "string", "r", ""),
    ("hs_deactivated", "bool", "r", ""),
    ("hs_job_title", "string", "", ""),
    ("hs_availability_status", "enumeration", "", "available away"),
    ("hs_working_hours", "string", "", ""),
    ("hs_out_of_office_hours", "string", "", ""),
    ("hs_is_out_of_office", "bool", "c", ""),
    ("hs_standard_time_zone", "string", "", ""),
)

LINES: dict[str, tuple[Line, ...]] = {
    "contacts": _EVERY + _PEOPLE + _CONTACT,
    "companies": _EVERY + _PEOPLE + _COMPANY,
    "deals": _EVERY + _DEAL,
    "tickets": _EVERY + _TICKET,
    "leads": _EVERY + _LEAD,
    "tasks": _EVERY + _ACTIVITY + _TASK,
    "notes": _EVERY + _ACTIVITY + _NOTE,
    "calls": _EVERY + _ACTIVITY + _CALL,
    "emails": _EVERY + _ACTIVITY + _EMAIL,
    "meetings": _EVERY + _ACTIVITY + _MEETING,
    "communications": _EVERY + _ACTIVITY + _COMMUNICATION,
    "users": _EVERY + _USER,
}

GROUPS: dict[str, str] = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
    "tickets": "ticketinformation",
    "leads": "leadinformation",
    "tasks": "task",
    "notes": "engagement",
    "calls": "call",
    "emails": "email",
    "meetings": "meeting",
    "communications": "communication",
    "users": "userinformation",
}
