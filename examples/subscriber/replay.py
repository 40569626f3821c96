#!/usr/bin/env python3
"""Reads past events again from a stream queue, and goes on with those to come.

    replay.py [QUEUE [OFFSET]]    OFFSET: first, last, next or a number (first)
"""
import json
import os
import sys

import pika

queue = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("JOBS_SERVICE", "jobs") + ".events.log"
offset = sys.argv[2] if len(sys.argv) > 2 else "first"
versions = {}  # job id to the version applied last


def on_message(channel, delivery, properties, body):
    data = json.loads(body)["data"]
    job, version = data["jobId"], data["version"]
    if job not in versions or version == versions[job] + 1:  # the log holds repetitions, too
        # Keep the offset with what you make of the event: begin there + 1 the next time.
        print(properties.headers["x-stream-offset"], job, version, data["jobEventType"], flush=True)
        versions[job] = version
    channel.basic_ack(delivery.delivery_tag)  # takes nothing away, makes the broker send more


connection = pika.BlockingConnection(
    pika.URLParameters(os.environ.get("JOBS_AMQP_URL", "amqp://guest:guest@localhost/%2f")))
channel = connection.channel()
channel.basic_qos(prefetch_count=100)  # streams want one
channel.basic_consume(queue, on_message,
                      arguments={"x-stream-offset": int(offset) if offset.isdigit() else offset})
try:
    channel.start_consuming()
except KeyboardInterrupt:
    connection.close()
