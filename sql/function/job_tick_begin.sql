-- First statement of every tick: raises unless the instance is alive and of this epoch, and holds its row so that neither a
-- takeover nor a reconnect can pass before the tick has ended.
-- in: instance, epoch    Errors: JB010 fenced off
create or replace function @schema@.job_tick_begin(instance uuid, of_epoch int) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'on', true);
    perform from t_job_instance i where i.id = instance and i.epoch = of_epoch and not i.lost for key share;
    if not found then
        raise exception using errcode = 'JB010', message = format('instance %s, epoch %s, is fenced off', instance, of_epoch);
    end if;
end
$$;
