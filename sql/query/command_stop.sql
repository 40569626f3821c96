-- Asks a job to stop, as a command over AMQP wants it; durable with this statement.
-- in:  $1 tenant, $2 id, $3 the version that is meant, null = whatever it is
-- out: one row (status): the status after the call
-- Errors: JB007 job unknown
select @schema@.job_stop($1::text, $2::uuid, $3::int) as status;
