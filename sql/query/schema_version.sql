-- out: one row (version, min_build)
select coalesce(max(s.version), 0) as version, coalesce(max(s.min_build), 0) as min_build from @schema@.t_schema s;
