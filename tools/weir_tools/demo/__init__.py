"""`weir demo`: three meters, a gateway and a broker, each real, live in one terminal.

`show` runs it all; `fleet` has the meters, `companions` the broker and the gateway, `subscriber`
listens on MQTT without knowing any of them, `totals` compares what all of them say at the end,
`live_table` draws, and `bench_door` lets `weir demo provoke` do something to a meter.
"""
