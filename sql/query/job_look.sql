-- How many jobs a filter means, by looking at a bounded number of jobs, the newest first.
-- in:  $1 tenant; filters, null = any: $2 statuses, $3 class name, $4 owner, $5 related type, $6 related id, $7 priority, $8 created
--      from, $9 to (microseconds since 1970); $10 how many to look at
-- out: one row (n, looked)
select count(*) filter (where ($2::@schema@.job_status[] is null or j.status = any($2::@schema@.job_status[]))
        and ($4::text is null or j.owner = $4::text)
        and ($5::text is null or j.related_type = $5::text)
        and ($6::text is null or j.related_id = $6::text)
        and ($7::int is null or j.priority = $7::int)
        and ($8::bigint is null or j.created_date >= timestamptz 'epoch' + $8::bigint * interval '1 microsecond')
        and ($9::bigint is null or j.created_date < timestamptz 'epoch' + $9::bigint * interval '1 microsecond')) as n,
    count(*) as looked
from (select x.* from @schema@.t_job_info x
    where x.tenant = $1::text and ($3::text is null or x.class_name = $3::text)
        and ($6::text is null or x.related_id = $6::text)
    order by x.id desc limit $10::int) j;
