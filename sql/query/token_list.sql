-- Tokens, the latest first, without their hashes.
-- in: $1 tenant, null = all    out: a row each; dates in microseconds since 1970
select t.id, t.name, t.tenant, t.role, (extract(epoch from t.created_date) * 1000000)::bigint as created_date,
    (extract(epoch from t.expiration_date) * 1000000)::bigint as expiration_date,
    (extract(epoch from t.revoked_date) * 1000000)::bigint as revoked_date,
    (extract(epoch from t.last_used_date) * 1000000)::bigint as last_used_date
from @schema@.t_job_token t
where $1::text is null or t.tenant = $1::text
order by t.created_date desc, t.id;
