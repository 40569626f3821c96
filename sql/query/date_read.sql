-- A date as the server reads it, in the session's time zone.
-- in: text    out: one row (date): microseconds since 1970
select (extract(epoch from $1::timestamptz) * 1000000)::bigint as date;
