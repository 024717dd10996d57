"""The embedded broker: `python -m weir_tools.demo.broker PORT`, until its standard input closes.

So it ends with whoever started it, even when that one is killed.
"""

import asyncio
import logging
import sys

from weir_tools.extras import load_extra

READY = "ready"


def configuration(port: int) -> dict[str, object]:
    """Anyone on this machine may use it, nobody from elsewhere can reach it."""
    anonymous = "amqtt.plugins.authentication.AnonymousAuthPlugin"
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {anonymous: {"allow_anonymous": True}},
    }


async def serve(port: int) -> None:
    broker = load_extra("amqtt.broker", extra="demo").Broker(configuration(port))
    await broker.start()
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(int(sys.argv[1])))
