"""The fleet needs these Protocols from outside; each has one adapter per technology and one fake that passes its contract."""

from backend.ports.clock import Clock
from backend.ports.mail import Mailer, OutgoingEmail
from backend.ports.model import Answer, MakeLLM, Model, Prompt, Tier
from backend.ports.records import IntakeRecords, Records, Schema, Tokens, Unsubscribes
from backend.ports.threads import Due, Enrolment, Lease, LedgerState, Remembered, Reservation, Run, SendLedger, Threads

__all__ = [
    "Answer",
    "Clock",
    "Due",
    "Enrolment",
    "IntakeRecords",
    "Lease",
    "LedgerState",
    "Mailer",
    "MakeLLM",
    "Model",
    "OutgoingEmail",
    "Prompt",
    "Records",
    "Remembered",
    "Reservation",
    "Run",
    "Schema",
    "SendLedger",
    "Threads",
    "Tier",
    "Tokens",
    "Unsubscribes",
]
