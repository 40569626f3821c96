-- First statement of a tick; raises JB010 when fenced off.
-- in: instance, epoch
select @schema@.job_tick_begin($1::uuid, $2::int);
