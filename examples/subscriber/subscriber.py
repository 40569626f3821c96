#!/usr/bin/env python3
"""Follows the jobs of a service, as any microservice may.

    subscriber.py [PATTERN]     <tenant>.<STATUS>.<class> with * and #, such as acme.#
"""
import json
import os
import sys

import pika

url = os.environ.get("JOBS_AMQP_URL", "amqp://guest:guest@localhost")
exchange = os.environ.get("JOBS_SERVICE", "jobs") + ".events"
pattern = sys.argv[1] if len(sys.argv) > 1 else "#"
versions = {}  # job id to the version applied last; keep it where your own data is


def apply(data):
    """What your service does about it, such as printing."""
    print(data["tenant"], data["jobClassName"], data["jobId"], data["version"], data["jobEventType"],
          data.get("result", data.get("error", "")), flush=True)


def on_message(channel, delivery, _properties, body):
    data = json.loads(body)["data"]
    job, version = data["jobId"], data["version"]
    # The rule: events of a job come in order, but may come twice. Apply the next one, ignore an old one. (A job
    # not seen before may begin at any version here, since we may have subscribed in the middle of its life.)
    if job not in versions or version == versions[job] + 1:
        apply(data)
        versions[job] = version
    channel.basic_ack(delivery.delivery_tag)


channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.exchange_declare(exchange, exchange_type="topic", durable=True)
# Ends with us. For one that misses nothing while you are away: a name of your own, durable=True.
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, exchange, pattern)
channel.basic_qos(prefetch_count=100)
channel.basic_consume(queue, on_message)
print(f"listening to {exchange}, key {pattern}", file=sys.stderr, flush=True)
try:
    channel.start_consuming()
except KeyboardInterrupt:
    pass
