-- Writes down changes.
-- in:  $1 who, $2 address, $3 action, $4 tenant, $5 job, $6 count, $7 outcome, $8 detail: arrays of one length
-- out: nothing
insert into @schema@.t_job_audit (who, address, action, tenant, job, count, outcome, detail)
select a.who, a.address, a.action, a.tenant, a.job, a.count, a.outcome, a.detail
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::int[], $7::text[], $8::text[])
    as a(who, address, action, tenant, job, count, outcome, detail);
