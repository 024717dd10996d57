"""Tables of the wire format. Generated from protocol/weir_protocol by `make gen`. Do not edit."""

PROTOCOL_VERSION = 1
NO_PRESSURE_KPA = -32768
RECORDS_MAX = 256
SAMPLES_MAX = 64
USUAL_COLUMNS = 15
USUAL_SAMPLES = 15
USUAL_INTERVAL_S = 900
ORIGIN_QUALITY = 2
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
PRIOR_256THS = b'\x15][px\x80xppppp\x9b}2ZFFPZ````\xb2vH`Z\\PPP```\x9c|vtv\x84x\\````\xa9\xb4\xbe\x84lt\x80Z````\xaa\xd8\xde\xce\xac\xa0sdd\\\\`\xb2\xe4\xec\xe4\xd2\xbe\x84Z`UZ`\xd9\xf3\xf3\xf4\xec\xd8\xaaxxdhp'
