"""The hours of a story that is told in some seconds: what it shows is not when an email leaves."""

from typing import Any, Final

AT_ANY_HOUR: Final[dict[str, Any]] = {
    "send_days": "mon-sun",
    "send_hours": "00:00-24:00",
    "mailbox_cap_a_day": 0,
    "mailbox_cap_an_hour": 0,
    "recipient_domain_cap_a_day": 0,
    "min_gap_hours": 0,
}
"""Settings under which every touch may leave at once."""
