-- The token that a secret belongs to, if it counts now. Notes its use, once a minute at most.
-- in: $1 hash    out: at most one row; tenant null: all; expiration_date in microseconds since 1970, null: none
with u as (
    update @schema@.t_job_token t set last_used_date = date_trunc('minute', clock_timestamp())
    where t.hash = $1::text and t.revoked_date is null
        and (t.last_used_date is null or t.last_used_date < date_trunc('minute', clock_timestamp()))
)
select t.id, t.name, t.tenant, t.role, (extract(epoch from t.expiration_date) * 1000000)::bigint as expiration_date
from @schema@.t_job_token t
where t.hash = $1::text and t.revoked_date is null
    and (t.expiration_date is null or t.expiration_date > clock_timestamp());
