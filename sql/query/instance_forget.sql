-- Rows of lost instances go after a day: until then a woken one learns from them that it was declared lost.
delete from @schema@.t_job_instance i
where i.lost and i.lost_date < now() - interval '1 day'
    and not exists (select from @schema@.t_job_claim c where c.instance = i.id);
