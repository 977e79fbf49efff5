"""agentic-sales: one coach plans a campaign once, and every touch obeys.

The package in reading order:

    domain/          words and rules, standard library only
    ports/           what the fleet needs from outside, as Protocols
    graphs/          one graph, one module, one page; registry.py names them all
    campaigns.py     the three verbs: enrol, resume, decide
    sweeps.py        one sweep: slots that take the next due thread
    emails.py        one email for one contact, written by the organised team
    intake.py        what comes in: contacts and campaigns are added, contacts are marked
    read_models.py   what readers are shown
    listings.py      campaigns, contacts and threads, page by page
    reconciling.py   ledger, provider and checkpoints compared
    d1/              the client of D1: statements, transports, limits, the transaction
    checkpointer/    LangGraph's checkpointer on it; it knows nothing of campaigns
    store/           the service's tables behind the ports
    llm/ mail/       the other adapters
    edge/            the Cloudflare Worker, in JavaScript: a bridge to D1, and the cron
    desk.py          the database's tokens, schema and parked threads, without graphs or models
    wiring.py        settings -> adapters -> assemble -> Service
    api/ cli/        the two doors: HTTP and the command line
    demo/            a whole campaign on a simulated clock
    doctor/          what is wrong with a configuration and its database, and what to do
    errors/          every deliberate failure, one tree
    logs.py          what is said while it runs, without a person's data
    source.py        the commit this code is of
    egress.py        the hosts a model may be asked at
    settings.py      the environment, read once

Nothing imports upwards; `uv run lint-imports` proves it.
"""

import os

# LangGraph reads it once, when it is first imported: without it a crafted checkpoint row names code to run.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
