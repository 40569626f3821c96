-- Gives a class a lane of its own, which it keeps: an instance claims only the lanes of its classes. Jobs of it that are queued
-- elsewhere are taken there when their turn comes, before they would be chosen.
-- in: class_name (need not be known yet)
-- Errors: JB002 class name
create or replace function @schema@.job_class_lane(class_name text) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    if class_name is null or class_name !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$' then
        raise exception using errcode = 'JB002', message = format(
            'class name %s is not of the form [A-Za-z0-9][A-Za-z0-9_.-]{0,127}', quote_nullable(left(class_name, 80)));
    end if;
    insert into t_job_class as k (class_name, lane, lane_date, settled)
    values (job_class_lane.class_name, job_class_lane.class_name, clock_timestamp(), false)
    on conflict on constraint t_job_class_pkey do update
    set lane = excluded.lane, lane_date = excluded.lane_date, settled = false
    where k.lane = '';
    if exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
end
$$;
