-- Ends a pause.
-- in: class name, tenant (null: the one for all)    out: one row (done): whether there was one
select @schema@.job_class_resume($1::text, $2::text) as done;
