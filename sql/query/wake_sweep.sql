-- Forgets sleepers that are no longer there: each costs submits a notification.
update @schema@.t_job_wake w
set sleepers = array(select s from unnest(w.sleepers) s
    where exists (select from @schema@.t_job_instance i where i.id = s and not i.lost))
where exists (select from unnest(w.sleepers) s
    where not exists (select from @schema@.t_job_instance i where i.id = s and not i.lost));
