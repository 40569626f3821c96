#!/usr/bin/env python3
"""Takes a tenant's events from a queue of its own, made by `jobctl subscribe QUEUE`.

    queue.py QUEUE
"""
import json
import os
import sys

import pika

versions = {}  # job id to the version applied last; keep it where you keep what you make of the events


def on_message(channel, delivery, _properties, body):
    data = json.loads(body)["data"]
    job, version = data["jobId"], data["version"]
    # The rule: a job's events come in order, 1, 2, 3, ..., but may come twice. Apply the next one, ignore an old
    # one. (A job not seen before may begin at any version: the queue may be younger than the job.)
    if job not in versions or version == versions[job] + 1:
        print(job, version, data["jobEventType"], data.get("result", data.get("error", "")), flush=True)
        versions[job] = version
    channel.basic_ack(delivery.delivery_tag)  # only now: what was not applied comes again


connection = pika.BlockingConnection(
    pika.URLParameters(os.environ.get("JOBS_AMQP_URL", "amqp://guest:guest@localhost/%2f")))
channel = connection.channel()
channel.basic_qos(prefetch_count=100)
channel.basic_consume(sys.argv[1], on_message)
try:
    channel.start_consuming()
except KeyboardInterrupt:
    connection.close()
