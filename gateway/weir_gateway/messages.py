"""Every sentence of the gateway that an operator or a user reads, in one place.

Each says what is wrong and what to do. Placeholders are filled with ``str.format``. No sentence
has a place for a key or a password.
"""

# Configuration: the file, line and key stand before these.
NO_CONFIG = "cannot read the configuration {path} ({why}): give --config the right path."
NOT_TOML = "this is not valid TOML ({why}): mend the line."
NO_TABLE = "the table [{name}] is missing: add it (docs/operations.md has an example)."
NO_LINK = "no link is configured: add [[serial]] with a port, or [tcp] with listen, or both."
WANTS_TABLE = "this must be a table: write it as {header} with its keys on the lines below."
MISSING = "the key {key} is missing: add it."
EMPTY = "the value is empty: fill it in or remove the line."
EMPTY_FILE = "the file {path} is empty: put the password into it."
WANTS_TEXT = "{value} is not text: put it in double quotes."
WANTS_FLAG = "{value} is neither true nor false: write one of the two, without quotes."
WANTS_INTEGER = "{value} is not a whole number: write digits only, without quotes."
WANTS_NUMBER = "{value} is not a number: write digits, without quotes."
OUT_OF_RANGE = "{value} is out of range: use a value from {low:g} to {high:g}."
WRONG_FORM = 'the value "{value}" cannot be used: {wanted}.'
FORM_ID = "use 1 to 40 letters, digits, - and _"
FORM_PREFIX = "use topic levels joined by /, without spaces, + or #"
FORM_PROTOCOL = 'use "auto", "5.0" or "3.1.1"'
FORM_LOG_LEVEL = "use debug, info, warning or error"
UNKNOWN_NEAR = "there is no setting {name}: did you mean {near}?"
UNKNOWN = "there is no setting {name}: remove it, or use one of {known}."
WRONG_LISTEN = '"{value}" is not HOST:PORT: write for example "0.0.0.0:4059".'
WRONG_TIME = '"{value}" is not a time: write for example "2021-03-01T00:00:00Z".'
PORT_TWICE = "the port {port} is already used by another [[serial]]: remove one of them."
PASSWORD_IN_CONFIG = (
    "a password does not belong in this file: put it alone into a file with mode 0600 and name "
    "that in password_file, or set the environment variable {variable}."
)
PASSWORD_ALONE = "a password needs a username beside it: add username."
TLS_PAIR = "tls_certificate_file and tls_key_file belong together: give both or neither."
TLS_AUTHORITIES = (
    "{path} holds no certificates that can be used ({why}): give the PEM file of who signs the "
    "broker's certificate."
)
TLS_CERTIFICATE = (
    "{path} and tls_key_file cannot be used together ({why}): give the PEM files of a "
    "certificate and of its key, not encrypted."
)
PATH_TWICE = "{path} is named as {owner} already: give each its own file."
TLS_OFF = "TLS files are named but tls is false: set it to true or remove the files."

# Files.
NO_FILE = "there is no file {path}: create it or correct the path."
NOT_TEXT = "{purpose} {path} is not UTF-8 text: replace it by a text file."
CANNOT_READ = "cannot read {purpose} {path} ({why}): create it or correct its rights."
NOT_PRIVATE = (
    "others on this machine can read or write {purpose} {path} (mode {mode:04o}): "
    "run `chmod 600 {path}`."
)

# The key file: the file and line stand before these.
KEY_LINE_FORM = "the line is not METER_ID KEY [pulse_weight_ml=N]: mend it"
KEY_LINE_METER = "the meter number is not a whole number from 0 to 4294967295: mend it"
KEY_LINE_KEY = "the key is not 32 hexadecimal digits: mend it"
KEY_LINE_TWICE = "meter {meter_id} was given on an earlier line already: remove one of the lines"
KEY_LINE_WEIGHT = "pulse_weight_ml is not a whole number from 1 to 1000000: mend it"
KEY_LINE_OPTION = "what follows the key is not pulse_weight_ml=N: mend it"

# Starting.
LISTEN_FAILED = "cannot listen on {place} ({why}): free the port or change tcp.listen."
SOCKET_FAILED = "cannot open the local interface {path} ({why}): correct gateway.socket."
SOCKET_TOO_LONG = (
    "the path of the local interface {path} is longer than {limit} bytes: "
    "choose a shorter gateway.socket."
)
ALREADY_RUNNING = (
    "another gateway is using {path}: stop it, or give this one its own database and socket."
)
DATABASE_FOREIGN = "{path} is not a database of this gateway: correct gateway.database."
DATABASE_NEWER = (
    "the database {path} was written by a newer gateway (schema {found}, this one knows "
    "{known}): install that release, or use another gateway.database."
)
DATABASE_GARBLED = "the definitions of its tables are garbled"
DATABASE_LOG_ALONE = "the file is gone or empty, its log is not"
DATABASE_LOCK = "This file keeps two gateways from sharing one database.\n"
DATABASE_FAILED = "cannot open the database {path} ({why}): check its folder and its rights."
FAULT = "the gateway stopped because of a fault in itself: its log says which; start it again."
CANNOT_START = "weir: {why}"
READY = "weir gateway {gateway_id} ready: {places}"

# Links.
SERIAL_FAILED = "serial port {place} cannot be used ({why}): it is tried again until it can."
SERIAL_GONE = "the device went away"
SERIAL_TAKEN = "another program has it open"

# Store.
STORE_FAILED = (
    "the database takes nothing now ({why}): nothing is acknowledged, the meters keep their "
    "readings; free space or mend the disk, the gateway then goes on by itself."
)
STORE_FAILED_BRIEF = "the database takes nothing now ({why})"
DISK_FILLS = (
    "the disk of {path} will be full in about {hours} hours at the present rate: make room, set "
    "gateway.retention_days, or use a larger disk."
)
FORGOTTEN = "{count} readings older than gateway.retention_days are deleted"
STORE_RECOVERED = "the database takes readings again"
STORE_SET_ASIDE = (
    "the database was damaged ({why}): it is set aside whole as {path}, a fresh one is begun, and "
    "the meters are asked for what they still hold"
)
STORE_SET_ASIDE_ENDED = (
    "a damaged database was being set aside when the gateway ended: it is {path} now"
)
STORE_GONE = (
    "the database {path} is gone: a fresh one is begun, and the meters are asked for what they "
    "still hold"
)
STORE_ALARM = (
    "a damaged database was set aside as {path} ({count} in all wait for you): run "
    "`weir gateway salvage` on it, or `weir gateway salvage --acknowledge` if it does not matter."
)
STORE_DISK_FAULTY = (
    "{count} databases at {path} were damaged within an hour, the last one now ({why}): nothing "
    "is acknowledged until the hour is over; check the disk and the memory of this machine, or "
    "move gateway.database to another disk."
)

# Salvage.
SALVAGE_NO_FILE = "there is no file {path}: name the database that was set aside."
SALVAGE_ITSELF = "{path} is the database in use: name the one that was set aside."
SALVAGE_RUNNING = (
    "a gateway is using {path}: stop it, salvage, and start it again. Meanwhile the meters keep "
    "their readings."
)
SALVAGE_NO_ROOM = (
    "there is no room in {folder} for the copy of {path} that is read: free some, or set TMPDIR "
    "to a folder with more room; {path} is as it was."
)
SALVAGE_UNREADABLE = (
    "nothing can be read from {path} ({why}): its readings are only where the meters still have "
    "them."
)
SALVAGE_FAILED = (
    "the database {path} did not take the readings ({why}): nothing was changed; mend that and "
    "salvage again."
)
SALVAGE_UNCHECKED = "not all of it was checked within {seconds:.0f} s"
SALVAGE_NO_TABLES = "it has no table of readings"
SALVAGE_NOT_SET_ASIDE = (
    "{path} does not lie set aside beside the database in use: name it as the alarm does."
)

# Broker.
BROKER_UNREACHABLE = "cannot reach the broker at {place} ({why}): readings wait in the database."
BROKER_REFUSED = "the broker at {place} refuses this gateway ({why}): check [mqtt]."
BROKER_LOST = "the connection to the broker at {place} ended ({why}): readings wait."
BROKER_NOT_YET = "not connected to the broker yet"
BROKER_NO_GOODBYE = "the broker at {place} did not take the goodbye: its last will says offline."
BROKER_SILENT = "it did not answer within {limit_s:g} s"
BROKER_STUCK = "it acknowledged nothing for {limit_s:g} s"
BROKER_DENIED = "the broker did not take a message ({why}): check what this user may publish."
BROKER_NO_REQUESTS = (
    "the broker does not let this gateway subscribe ({why}): requests over MQTT are not heard; "
    "allow it, or set mqtt.requests to false."
)
TLS_FAILED = "the TLS files of [mqtt] cannot be used ({why}): correct them."

# Local interface.
NO_ROUTE = "there is no {path}: see docs/api.md for what can be asked."
ONLY_GET = "{method} is not allowed here: use GET."
WRONG_BODY = "the body is not a JSON object: see docs/api.md for what it may hold."
WRONG_FIELD = "there is no field {name} here: see docs/api.md."
WRONG_SEQUENCE = "{value} is not a sequence: use a whole number from 0 to 4294967295."
TIMES_OR_SEQUENCES = "both times and sequences are given: give one of the two."
FROM_AFTER_TO = "the time from ({start}) is after the time to ({end}): exchange them."
FIRST_AFTER_LAST = "the first sequence ({first}) is after the last ({last}): exchange them."
NEVER_HEARD = "meter {meter_id} was never heard: ask once it has called."
RING_EMPTY = "meter {meter_id} has not made a record yet: ask once it has."
OUTSIDE_RING = (
    "meter {meter_id} keeps records {oldest} to {newest}, as it said last: ask for some of these."
)
NOTHING_THEN = (
    "meter {meter_id} can have no record of that time: `weir meter readings` shows which it has."
)
BACKFILLS_FULL = (
    "{count} back-fills of meter {meter_id} are not finished: wait until one of them is."
)
NO_BACKFILL = (
    'meter {meter_id} has no back-fill "{text}": `/v1/meters/{meter_id}/backfills` lists them.'
)
READS_FULL = (
    "{count} readings that meter {meter_id} was asked for are not answered: wait until one is."
)
WRONG_DIAL = (
    "dial_m3 is {value}, not what a dial shows: write cubic metres as 123.456, to the millilitre "
    "at most."
)
NO_READ = 'meter {meter_id} has no read "{text}": `/v1/meters/{meter_id}/reads` lists them.'
NO_METER = "meter {meter_id} is not known: check the number, or add its key to the key file."
WRONG_METER = '"{text}" is not a meter number: use digits, up to 4294967295.'
WRONG_LIMIT = '"{text}" is not a usable limit: use a whole number from 1 to {limit_max}.'
WRONG_AFTER = (
    '"{text}" is not the id of a reading of this meter: use an id as the readings show it, or 0 '
    "to begin with the oldest."
)
WRONG_QUERY = "there is no option {name} here: see docs/api.md."
WRONG_ALARM = (
    '"{text}" is not the id of an alarm: use an id as `weir alarms` shows it, such as '
    "1001-5eed0001-e12."
)
NO_ALARM = "there is no alarm {text}: `weir alarms --all` lists those of the past too."
NO_ALARM_NAMED = 'the request names no alarm: add "alarm" with an id as `weir alarms` shows it.'
OTHER_METERS_ALARM = "the alarm {text} is not of meter {meter_id}: use the topic of its meter."
WRONG_WORDS = "{name} is not one line of text of at most {limit} characters: mend it."
WRONG_EVENT_NUMBER = (
    '"{text}" is not a number of an event: use what an answer gave as next, or 0 for the oldest.'
)
BAD_REQUEST = "the request is not valid HTTP/1.1: {why}."
REQUEST_LATE = "the request did not arrive within {limit_s:g} s."
REQUEST_LARGE = "the request is larger than {size_max} bytes."
INTERNAL = "the gateway failed to answer: its log says why."

# Requests, over MQTT and over the local interface.
REQUEST_NOT_JSON = "the request is not valid JSON in UTF-8: mend it."
REQUEST_NOT_OBJECT = 'the request is not a JSON object: write it as {"name": value, ...}.'
REQUEST_TWICE = "{name} is given twice in one object of the request: leave one of them."
REQUEST_RETAINED = "a retained request is not carried out: publish it without retain."
REQUESTS_DROPPED = "more than {limit} requests wait on MQTT: newer ones are dropped until then."
WRONG_REQUEST_ID = "request_id is not text of at most {limit} characters: mend it."
UNKNOWN_FIELD = "there is no field {name} in this request: remove it, or see docs/mqtt.md."
WRONG_TEXT = "{name} is not text of 1 to {limit} characters in one line: mend it."
WRONG_WHOLE = "{name} is not a whole number from {low} to {high}: mend it."
WRONG_FLAG = "{name} is neither true nor false: write one of the two, without quotes."
WRONG_SETTINGS = (
    'settings is not an object with at least one setting: write it as {"leak_on": true}.'
)
FOR_TECHNICIANS = (
    "changing {names} alters what the meter's register means: look at the meter first, then give "
    "--technician (`technician` in the request)."
)
FOR_TECHNICIANS_HERE = (
    "changing {names} alters what the meter's register means, and is not done over MQTT: use "
    "`weir meter set --technician` on the gateway's machine."
)
BATTERY_FLOOR = (
    "with this the battery of meter {meter_id} would last {after:.3g} years instead of "
    "{before:.3g}, below the floor of {floor:g} (gateway.battery_floor_years): ask for less, or "
    "force it."
)
SETTINGS_UNKNOWN = (
    "meter {meter_id} has settings of version {version} in force that this gateway does not know "
    "yet: it asks the meter for them at its next call; ask again then."
)
NO_CHANGE = (
    'meter {meter_id} has no change of settings "{text}": `weir meter config {meter_id}` lists '
    "them."
)
WRONG_METER_ID = "meter_id is not a whole number from 0 to 4294967295: mend it."
WRONG_SPAN_TIME = (
    '{name} is not a time: write for example "2026-03-01T00:00:00Z", or leave it out.'
)
REPLAYED = "{count} readings of meter {meter_id} are published again"
SPAN_BACKWARDS = "from is later than to: exchange them."

# Client of the local interface.
NOT_RUNNING = (
    "no gateway answers at {path} ({why}): start it with `weir gateway --config FILE`, or name "
    "the socket of the one that runs."
)
ANSWER_UNREADABLE = "what answers at {path} is not a weir gateway: name the right socket."
