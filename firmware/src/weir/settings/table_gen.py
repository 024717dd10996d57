"""The settings table. Generated from protocol/weir_protocol by `make gen`. Do not edit."""

K_SAMPLE_INTERVAL_S = 1
K_STORE_INTERVAL_S = 2
K_SEND_INTERVAL_S = 3
K_SEND_SLOT_S = 4
K_SEND_SPREAD_S = 5
K_RECEIVE_WINDOW_S = 6
K_LINK_HOLD = 7
K_FLOW_HIGH_ON = 20
K_FLOW_HIGH_L_PER_H = 21
K_FLOW_HIGH_HYSTERESIS_L_PER_H = 22
K_FLOW_HIGH_DURATION_S = 23
K_FLOW_LOW_ON = 24
K_FLOW_LOW_L_PER_H = 25
K_FLOW_LOW_HYSTERESIS_L_PER_H = 26
K_FLOW_LOW_DURATION_S = 27
K_PRESSURE_HIGH_ON = 28
K_PRESSURE_HIGH_KPA = 29
K_PRESSURE_HIGH_HYSTERESIS_KPA = 30
K_PRESSURE_HIGH_DURATION_S = 31
K_PRESSURE_LOW_ON = 32
K_PRESSURE_LOW_KPA = 33
K_PRESSURE_LOW_HYSTERESIS_KPA = 34
K_PRESSURE_LOW_DURATION_S = 35
K_REVERSE_FLOW_ON = 36
K_REVERSE_FLOW_L = 37
K_REVERSE_FLOW_DURATION_S = 38
K_REVERSE_FLOW_QUIET_S = 39
K_LEAK_ON = 40
K_LEAK_DURATION_S = 41
K_LEAK_GAP_S = 42
K_BURST_ON = 44
K_BURST_L_PER_H = 45
K_BURST_HYSTERESIS_L_PER_H = 46
K_BURST_DURATION_S = 47
K_NO_CONSUMPTION_ON = 48
K_NO_CONSUMPTION_DURATION_S = 49
K_NO_CONSUMPTION_CLEAR_PULSES = 50
K_TAMPER_COVER_ON = 51
K_TAMPER_COVER_DURATION_S = 52
K_TAMPER_COVER_QUIET_S = 53
K_TAMPER_MAGNET_ON = 54
K_TAMPER_MAGNET_DURATION_S = 55
K_TAMPER_MAGNET_QUIET_S = 56
K_TAMPER_CABLE_ON = 57
K_TAMPER_CABLE_TRANSITIONS = 58
K_TAMPER_CABLE_DURATION_S = 59
K_TAMPER_CABLE_QUIET_S = 60
K_BATTERY_LOW_ON = 61
K_BATTERY_LOW_MV = 62
K_BATTERY_LOW_HYSTERESIS_MV = 63
K_BATTERY_LOW_DURATION_S = 64
K_ALARM_CALL_INTERVAL_S = 66
K_ALARM_CALLS_MAX = 67
K_PULSE_WEIGHT_ML = 80
K_PULSE_MODE = 81
K_DEBOUNCE_CLOSE_MS = 82
K_DEBOUNCE_OPEN_MS = 83
K_DN_MM = 84
K_Q3_L_PER_H = 85
K_PRESSURE_SENSOR = 86
K_PRESSURE_RANGE_KPA = 87
K_PRESSURE_WARM_UP_MS = 88
K_DRIFT_CORRECTION_PPB = 100
K_DRIFT_LEARNING = 101
K_CLOCK_DRIFT_PPM = 102
K_LINK_PORT = 110
K_LINK_BAUD = 111
K_LINK_PATIENCE_S = 112
K_ANSWER_TIMEOUT_MS = 113

KEYS = b'\x01\x02\x03\x04\x05\x06\x07\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f !"#$%&\'()*,-./0123456789:;<=>?@BCPQRSTUVWXdefnopq'

# for each of KEYS in turn: lowest, highest, default
ROW_FORMAT = '<lll'
ROW_SIZE = 12
ROWS = (
    b'\x01\x00\x00\x00\x80Q\x01\x00<\x00\x00\x00'  # sample_interval_s
    b'\x01\x00\x00\x00\x80Q\x01\x00\x84\x03\x00\x00'  # store_interval_s
    b'\x01\x00\x00\x00\x80\xde(\x00\x80Q\x01\x00'  # send_interval_s
    b'\xff\xff\xff\xff\x7f\xde(\x00\xff\xff\xff\xff'  # send_slot_s
    b'\xff\xff\xff\xff\x80\xde(\x00\xff\xff\xff\xff'  # send_spread_s
    b'\x00\x00\x00\x00\x10\x0e\x00\x00\x00\x00\x00\x00'  # receive_window_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # link_hold
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # flow_high_on
    b"\x01\x00\x00\x00\x80\x96\x98\x00\x10'\x00\x00"  # flow_high_l_per_h
    b'\x00\x00\x00\x00@B\x0f\x00\xf4\x01\x00\x00'  # flow_high_hysteresis_l_per_h
    b'\x00\x00\x00\x00\x80:\t\x00,\x01\x00\x00'  # flow_high_duration_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # flow_low_on
    b'\x00\x00\x00\x00\x80\x96\x98\x00\x01\x00\x00\x00'  # flow_low_l_per_h
    b'\x00\x00\x00\x00@B\x0f\x00\x01\x00\x00\x00'  # flow_low_hysteresis_l_per_h
    b'\x00\x00\x00\x00\x80:\t\x00\x10\x0e\x00\x00'  # flow_low_duration_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # pressure_high_on
    b"\x9c\xff\xff\xff\x10'\x00\x00\xe8\x03\x00\x00"  # pressure_high_kpa
    b'\x00\x00\x00\x00\xe8\x03\x00\x00\x14\x00\x00\x00'  # pressure_high_hysteresis_kpa
    b'\x00\x00\x00\x00\x80:\t\x00<\x00\x00\x00'  # pressure_high_duration_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # pressure_low_on
    b"\x9c\xff\xff\xff\x10'\x00\x00d\x00\x00\x00"  # pressure_low_kpa
    b'\x00\x00\x00\x00\xe8\x03\x00\x00\x14\x00\x00\x00'  # pressure_low_hysteresis_kpa
    b'\x00\x00\x00\x00\x80:\t\x00<\x00\x00\x00'  # pressure_low_duration_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # reverse_flow_on
    b'\x00\x00\x00\x00@B\x0f\x00\n\x00\x00\x00'  # reverse_flow_l
    b'\x00\x00\x00\x00\x80:\t\x00\x00\x00\x00\x00'  # reverse_flow_duration_s
    b'\x01\x00\x00\x00\x80:\t\x00X\x02\x00\x00'  # reverse_flow_quiet_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # leak_on
    b'X\x02\x00\x00\x80\xde(\x00\x80Q\x01\x00'  # leak_duration_s
    b'<\x00\x00\x00\x80Q\x01\x00\x08\x07\x00\x00'  # leak_gap_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # burst_on
    b'\x01\x00\x00\x00\x80\x96\x98\x00 N\x00\x00'  # burst_l_per_h
    b'\x00\x00\x00\x00@B\x0f\x00\xe8\x03\x00\x00'  # burst_hysteresis_l_per_h
    b'\x00\x00\x00\x00\x80:\t\x00X\x02\x00\x00'  # burst_duration_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00'  # no_consumption_on
    b'\x10\x0e\x00\x00\x803\xe1\x01\x80:\t\x00'  # no_consumption_duration_s
    b'\x01\x00\x00\x00\xe8\x03\x00\x00\x01\x00\x00\x00'  # no_consumption_clear_pulses
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # tamper_cover_on
    b'\x00\x00\x00\x00\x10\x0e\x00\x00\x00\x00\x00\x00'  # tamper_cover_duration_s
    b'\n\x00\x00\x00\x80Q\x01\x00<\x00\x00\x00'  # tamper_cover_quiet_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # tamper_magnet_on
    b'\x00\x00\x00\x00\x10\x0e\x00\x00\x00\x00\x00\x00'  # tamper_magnet_duration_s
    b'\n\x00\x00\x00\x80Q\x01\x00<\x00\x00\x00'  # tamper_magnet_quiet_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # tamper_cable_on
    b"\x01\x00\x00\x00\x10'\x00\x00\n\x00\x00\x00"  # tamper_cable_transitions
    b'\x00\x00\x00\x00\x10\x0e\x00\x00\x00\x00\x00\x00'  # tamper_cable_duration_s
    b'\n\x00\x00\x00\x80Q\x01\x00<\x00\x00\x00'  # tamper_cable_quiet_s
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # battery_low_on
    b'\xe8\x03\x00\x00 N\x00\x00\xe4\x0c\x00\x00'  # battery_low_mv
    b'\x00\x00\x00\x00\xd0\x07\x00\x00d\x00\x00\x00'  # battery_low_hysteresis_mv
    b'\x00\x00\x00\x00\x80:\t\x00\x10\x0e\x00\x00'  # battery_low_duration_s
    b'\x00\x00\x00\x00\x80Q\x01\x00\x84\x03\x00\x00'  # alarm_call_interval_s
    b'\x01\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00'  # alarm_calls_max
    b'\x01\x00\x00\x00@B\x0f\x00\xe8\x03\x00\x00'  # pulse_weight_ml
    b'\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00'  # pulse_mode
    b'\x00\x00\x00\x00\xe8\x03\x00\x00\x05\x00\x00\x00'  # debounce_close_ms
    b'\x00\x00\x00\x00\xe8\x03\x00\x00\x05\x00\x00\x00'  # debounce_open_ms
    b'\x00\x00\x00\x00\xb8\x0b\x00\x00\x00\x00\x00\x00'  # dn_mm
    b'\x00\x00\x00\x00\x80\x96\x98\x00\x00\x00\x00\x00'  # q3_l_per_h
    b'\x00\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00'  # pressure_sensor
    b"\x01\x00\x00\x00\x10'\x00\x00@\x06\x00\x00"  # pressure_range_kpa
    b'\x00\x00\x00\x00\x88\x13\x00\x00,\x01\x00\x00'  # pressure_warm_up_ms
    b'\xc0\xf2\xfc\xff@\r\x03\x00\x00\x00\x00\x00'  # drift_correction_ppb
    b'\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00'  # drift_learning
    b'\x01\x00\x00\x00\xc8\x00\x00\x002\x00\x00\x00'  # clock_drift_ppm
    b'\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00'  # link_port
    b'\x00\x00\x00\x00\x00\x10\x0e\x00\x00\x00\x00\x00'  # link_baud
    b'\x05\x00\x00\x00X\x02\x00\x00\x1e\x00\x00\x00'  # link_patience_s
    b'\xf4\x01\x00\x00`\xea\x00\x00\x88\x13\x00\x00'  # answer_timeout_ms
)

# (key of the lower value, of the upper, 1 if below and 0 if at most, switches)
RULES = (
    (1, 2, 0, ()),
    (2, 3, 0, ()),
    (4, 3, 1, ()),
    (5, 3, 0, ()),
    (6, 3, 1, ()),
    (25, 21, 1, (24, 20)),
    (33, 29, 1, (32, 28)),
    (42, 41, 1, ()),
    (1, 42, 0, (40,)),
)

A_FLOW_HIGH = 16
A_FLOW_LOW = 17
A_PRESSURE_HIGH = 18
A_PRESSURE_LOW = 19
A_REVERSE_FLOW = 20
A_LEAK = 21
A_BURST = 22
A_NO_CONSUMPTION = 23
A_TAMPER_COVER = 24
A_TAMPER_MAGNET = 25
A_TAMPER_CABLE = 26
A_BATTERY_LOW = 27

# (code, status bits, keys of switch, limit, hysteresis, duration, clear)
# 0 for what an alarm has not
ALARMS = (
    (16, 0, 20, 21, 22, 23, 0),
    (17, 0, 24, 25, 26, 27, 0),
    (18, 0, 28, 29, 30, 31, 0),
    (19, 0, 32, 33, 34, 35, 0),
    (20, 16, 36, 37, 0, 38, 39),
    (21, 64, 40, 41, 0, 0, 42),
    (22, 128, 44, 45, 46, 47, 0),
    (23, 0, 48, 49, 0, 0, 50),
    (24, 32, 51, 0, 0, 52, 53),
    (25, 32, 54, 0, 0, 55, 56),
    (26, 32, 57, 58, 0, 59, 60),
    (27, 256, 61, 62, 63, 64, 0),
)
