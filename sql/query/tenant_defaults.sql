-- What new tenants get; changes what is given.
-- in:  $1 weight (null: as it is), $2 is max_running given, $3 max_running, $4 is max_queued given, $5 max_queued (null: no limit)
-- out: one row (weight, max_running, max_queued): as they are now
update @schema@.t_tenant_default d
set weight = coalesce($1::int, d.weight), max_running = case when $2::boolean then $3::int else d.max_running end,
    max_queued = case when $4::boolean then $5::int else d.max_queued end
returning d.weight, d.max_running, d.max_queued;
