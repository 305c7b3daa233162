"""Waits for the daemon, makes a stream and says its stream key."""

import json
import os
import time
import urllib.error
import urllib.request

WAIT = 30.0

request = urllib.request.Request(
    os.environ["SCHEMATHESIS_API"] + "/v1/streams",
    data=b'{"name": "published"}',
    headers={
        "Authorization": "Bearer " + os.environ["SCHEMATHESIS_API_KEY"],
        "Content-Type": "application/json",
    },
)
end = time.monotonic() + WAIT
while True:
    try:
        with urllib.request.urlopen(request) as answer:
            print(json.load(answer)["streamKey"])
            break
    except urllib.error.HTTPError:
        raise
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
