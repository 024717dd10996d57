"""Tables of the wire format. Generated from protocol/weir_protocol by `make gen`. Do not edit."""

PROTOCOL_VERSION = 1
STREAM_FRAME_SIZE_MAX = 250
NO_PRESSURE_KPA = -32768
RECORDS_MAX = 256
SAMPLES_MAX = 64
USUAL_COLUMNS = 15
USUAL_SAMPLES = 15
USUAL_INTERVAL_S = 900
ORIGIN_QUALITY = 2
KEY_VERSION = 0
KEY_SEQUENCE = 254
KEY_COUNT = 255
TYPE_HELLO = 1
TYPE_READINGS = 2
TYPE_STATUS = 3
TYPE_EVENTS = 4
TYPE_SETTINGS_REPORT = 5
TYPE_LOST = 6
TYPE_ACKNOWLEDGE = 16
TYPE_SETTINGS = 17
TYPE_BACKFILL = 18
TYPE_READ_NOW = 19
TYPE_COMMAND = 20
STATUS_PRESSURE_FAULT = 1
STATUS_REGISTER_GAP = 2
STATUS_CLOCK_STEPPED = 4
STATUS_RESTARTED = 8
STATUS_REVERSE_FLOW = 16
STATUS_TAMPER = 32
STATUS_LEAK = 64
STATUS_BURST = 128
STATUS_BATTERY_LOW = 256
STATUS_SHORT_INTERVAL = 512
FLAG_KEEP_LISTENING = 1
FLAG_HELLO_WANTED = 2
COMMAND_EVENTS_FROM = 1
COMMAND_REPORT_SETTINGS = 2
OUTCOME_APPLIED = 0
OUTCOME_REFUSED = 1
OUTCOME_ROLLED_BACK = 2
REASON_UNKNOWN_KEY = 1
REASON_OUT_OF_RANGE = 2
REASON_BREAKS_RULE = 3
EVENT_RESTARTED = 1
EVENT_CLOCK_STEPPED = 2
EVENT_SETTINGS_APPLIED = 3
EVENT_SETTINGS_ROLLED_BACK = 4
EVENT_TRIGGERED = 5
PHASE_NOTE = 0
PHASE_RAISE = 1
PHASE_CLEAR = 2
COLUMNS_REVERSE = 1
COLUMNS_PRESSURE = 2
COLUMNS_PRESSURE_RANGE = 4
COLUMNS_PEAK_FLOW = 8
COLUMN_TIME = 0
COLUMN_FORWARD = 1
COLUMN_FORWARD_CHANGE = 2
COLUMN_REVERSE = 3
COLUMN_MEAN = 4
COLUMN_DROP = 5
COLUMN_RISE = 6
COLUMN_PEAK_OF_BURST = 7
COLUMN_PEAK_OF_STEADY = 8

# type: (format of the fields, their names, format of the repeated item, its names)
LAYOUTS = {
    0x01: ('<BBBBBHLLLLBHHLLLLLLH', 'firmware_major firmware_minor firmware_patch reset_cause medium settings_version boot_sequence sequence_oldest sequence_next clock_s time_quality status battery_mv forward_pulses reverse_pulses pulse_weight_ml sample_interval_s store_interval_s send_interval_s frame_size_max', '', ''),
    0x02: ('<B', 'settings_version', '', ''),
    0x03: ('<HHLBLLlhHH', 'request settings_version taken_at_s time_quality forward_pulses reverse_pulses flow_l_per_h pressure_kpa battery_mv status', '', ''),
    0x04: ('<B', 'settings_version', '<LLBBBll', 'event_sequence taken_at_s time_quality code phase value limit'),
    0x05: ('<HB', 'settings_version outcome', '<Bl', 'key value'),
    0x06: ('<B', 'settings_version', '<LL', 'first_sequence last_sequence'),
    0x10: ('<LLHLB', 'answers time_s time_ms resume_at flags', '', ''),
    0x11: ('<LH', 'answers settings_version', '<Bl', 'key value'),
    0x12: ('<L', 'answers', '<LL', 'first_sequence last_sequence'),
    0x13: ('<LH', 'answers request', '', ''),
    0x14: ('<LHBl', 'answers request code argument', '', ''),
}

LEVELS = 8
EXPONENTS = 12
MANTISSAS = 8
SIGNS = 3
MANTISSA_OFFSET = 96
SIGN_OFFSET = 104
COLUMN_CONTEXTS = 107
MORE_CONTEXT = 963
SAME_STATUS_CONTEXT = 964
SAME_QUALITY_CONTEXT = 965
CONTEXT_COUNT = 966
EVEN_STATE = 32768
LIKELY_STATE = 61442
COLUMN_COUNT = 9
PROBABILITY_MIN = 31
PROBABILITY_MAX = 4065
FIRST_ACTIVITY = (0, 32, 64, 0, 4, 8, 8, 0, 2)
RATES = (40960, 25206, 18204, 14246, 11702, 9929, 8623, 7620, 6826, 6182, 5649, 5201, 4818, 4488, 4201, 3947)
PRIOR_256THS = b'\x08KtUE\xa3;vt`pp\x9e\x9aZd84%S````\xb7\xb1Jhio+9E```\x9by\x83\x9f\xb9\xbckHIhR`\xa4s\xbf\xa7\xb3\xb6\x86:@R``\xa4\x99\xe5\xda\xda\xb2\x89\x9b\x93\x96(R\x9cw\xe1\xe7\xcc\xd4v>c@Z`\xc1\xab\xf5\xf8\xf2\xd5\x99`\xb3\x8c!p\x1ez\xa9\xa1m\xb1ani`ppi\x92}\x9bMS*O````\x7f\xdd\xb0\xb4\x89\xa46E?```\x84\xcb\xd0\xc6\xaa\xbe\x98S`lK`~\xd1\xc8\xdd\xa0\xb9\x8d6QK``\xc6\xf1\xf8\xf8\xf1\xafx\xa6\xd0\xa1\x1bK\xa6\xd8\xea\xe3\xda\xe7\xa1>d5Z`\xcb\xdf\xec\xf8\xf5\xe8\xd7\x89\xbf\x99\x0ep\x99t\xa6\x90D\x96-vt`pp\xa3z\xae\x89<F\x17S````\xa7m\xaa\x94gv)\'E```\x9e\\\xb5\xbf\xc8\xc3`@.hR`\xa5T\xdf\xb8\xd7\xba\x877(R``\x95O\xd9\xb8\xdf\xc9\xb4\x9aC\x96(R\x94$\xb5\xec\xa3\xd6x6c@Z`\xafD\xf8\xf8\xf5\xb1\x87T\xaa\x7f!pQim\'\x18\xa3;vt`pplf\xa7y%\x16%S````TV\x99\xbf\x8bO\x1c9E```B1{\xaf\xa2\xc2aHIhR`?=\xbf\xa7\xb3\xb6\x86:@R``d\x8b\xe5\xda\xda\xb2\x89\x9b\x93\x96(R\x95w\xe1\xe7\xcc\xd4v>c@Z`\xc1\xab\xf5\xf8\xf2\xd5\x99`\xb3\x8c!pZ9nW#[;vt`pp\xd1\xbc69E# S````\xe2\xdd.-Kd%6E```\xd0\xb5>9\xac\x95fHIhR`\xd0\xaaVT\xaa\xb6\x86:@R``\xb1\xba\x95\xa2\xc6\xb2\x89\x9b\x93\x96(R\xa9\x88\xdc\xea\xd3\xdar;c@Z`\xc4\xaf\xe9\xf8\xf2\xd5\x99`\xb3\x8c!p$\xe3\x82\x8b\xb6\xdd \x83\x81Wpp#\x9aZd84%S````\x9cX>hio+9E```\xcd\xa2~j\xb9\xbckHIhR`\xed\xe4\xd1tN\xb6\x86:@R``\xa3\xe3\xe7\xb4q\x8e\x89\x9b\x93\x96(R\xa1\xdc\xec\xe6\xc4\xb63>c@Z`\xd1\xf7\xf8\xf8\xee\xd3i\x1c\xb3\x8c!p\x084tUE\xa3;vt`pp$\xb4|~VA"S````\xc6\xc1Zfdo+9E```\xc3\xae\x9d\x95\x94\xbckHIhR`\xb9\x94\xce\xb2\xae\xb5z:@R``\xb9\xb1\xeb\xe3\xd9\xb7\x88\x8d\x93\x96(R\xb9\x9e\xea\xee\xdb\xe1g8c@Z`\xc7\xb3\xf6\xf8\xf3\xd9\x8b`\xb3\x8c!p'
PRIOR_OF_COLUMN = b'\x00\x01\x02\x00\x03\x04\x04\x05\x06'
