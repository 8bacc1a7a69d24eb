"""What each command of `hofstrom` does, in a line."""

HELP = {
    "up": "start everything on this machine: database, live data, pages, stations' listener, worker, demo house",
    "web": "the web application",
    "ocpp": "the listener for stations (may run many times)",
    "worker": "the worker: events, bills, mails, the timetable",
    "mqtt": "take gateways' readings from the MQTT broker (MQTT_URL)",
    "migrate": "bring the database to the present schema",
    "demo": "make or enlarge the demo accounts and describe them",
    "demo-stations": "the two simulated stations of the demo house",
    "badge": "hold a badge to a demo station",
    "station": "tell a demo station: status, plug, unplug, battery PERCENT, offline, online,"
    " flaky (loses its link now and then), steady, fault, clear, refuse_next_start, silent_next_start",
    "month": "price a month and issue its bills; again changes nothing",
    "payouts": "pay the owners of a month: statement, ledger, pain.001 file; again changes nothing",
    "payment": "book a bank transfer by its reference",
    "bank-statement": "book the credits of a bank's file (camt.053, camt.054; XML or zip) by their references; again changes nothing",
    "import-readings": "load a grid operator's quarter-hours (CSV, SDAT-CH E66) for a site: all or nothing; again changes nothing",
    "ca": "the certificate authority for stations: make, show, issue, revoke, change the root",
    "schema": "write the OpenAPI document to a file",
    "gateway": "the gateway of a house: stations on its network go through it, and what it hears is kept while the internet is away",
    "simulate": "replay a site's charges, or those of a file, with simulated stations and cars in a copy of the system",
    "clean": "list the servers' data of deleted installations (kept under /var/lib/hofstrom as root), or remove those named",
    "check": "say what is wrong with this installation and what to do",
}
