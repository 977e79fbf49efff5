"""The fleet needs these Protocols from outside; each has one adapter per technology and one fake that passes its contract."""

from backend.ports.clock import Clock
from backend.ports.mail import Deliveries, Delivery, KnownBy, Mailer, OutgoingEmail
from backend.ports.model import Answer, MakeLLM, Model, Prompt, Tier
from backend.ports.records import Attendances, IntakeRecords, Records, Schema, Tokens, Unsubscribes
from backend.ports.threads import (
    Claim,
    Due,
    Enrolment,
    Lease,
    LedgerState,
    Look,
    Remembered,
    Reservation,
    RollCall,
    Run,
    SendLedger,
    Threads,
)

__all__ = [
    "Answer",
    "Attendances",
    "Claim",
    "Clock",
    "Deliveries",
    "Delivery",
    "Due",
    "Enrolment",
    "IntakeRecords",
    "KnownBy",
    "Lease",
    "LedgerState",
    "Look",
    "Mailer",
    "MakeLLM",
    "Model",
    "OutgoingEmail",
    "Prompt",
    "Records",
    "Remembered",
    "Reservation",
    "RollCall",
    "Run",
    "Schema",
    "SendLedger",
    "Threads",
    "Tier",
    "Tokens",
    "Unsubscribes",
]
