"""Send a message and wait until it has arrived: `python plain_script.py +972501234567`."""

import os
import sys
from datetime import timedelta

from chatgrow_client import Client, MessageEndedError, WaitTimeoutError

with Client(os.environ["CHATGROW_URL"], os.environ["CHATGROW_KEY"]) as chatgrow:
    sent = chatgrow.messages.send("main", sys.argv[1], "Your order is on its way.")
    try:
        message = chatgrow.messages.wait_until(sent, "delivered", timeout=timedelta(minutes=1))
        print("Delivered at", message.delivered_at)
    except (MessageEndedError, WaitTimeoutError) as error:
        sys.exit(str(error))
