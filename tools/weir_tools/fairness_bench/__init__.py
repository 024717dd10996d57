"""How long a meter waits for its acknowledgement while another one floods the gateway."""
