#!/usr/bin/env node
// Reads past events again from a stream queue, and goes on with those to come.
//
//     node replay.js [QUEUE [OFFSET]]    OFFSET: first, last, next or a number (first)
const amqp = require('amqplib');

const versions = new Map(); // job id to the version applied last

async function main(queue, offset) {
  const connection = await amqp.connect(process.env.JOBS_AMQP_URL || 'amqp://localhost');
  process.once('SIGINT', () => connection.close());
  const channel = await connection.createChannel();
  await channel.prefetch(100); // streams want one
  await channel.consume(queue, (message) => {
    if (!message) process.exit(1); // the queue was deleted
    const { data } = JSON.parse(message.content.toString());
    const before = versions.get(data.jobId);
    if (before === undefined || data.version === before + 1) { // the log holds repetitions, too
      // Keep the offset with what you make of the event: begin there + 1 the next time.
      console.log(message.properties.headers['x-stream-offset'], data.jobId, data.version, data.jobEventType);
      versions.set(data.jobId, data.version);
    }
    channel.ack(message); // takes nothing away, makes the broker send more
  }, { arguments: { 'x-stream-offset': /^\d+$/.test(offset) ? Number(offset) : offset } });
}

main(process.argv[2] || `${process.env.JOBS_SERVICE || 'jobs'}.events.log`, process.argv[3] || 'first')
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
