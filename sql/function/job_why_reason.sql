-- One reason of job_why, as JSON.
-- in: a word for programs, a sentence for people, until when it holds (null: unknown)
create or replace function @schema@.job_why_reason(reason text, sentence text, until timestamptz default null) returns jsonb
language sql stable
return case when until is null then jsonb_build_object('reason', reason, 'text', sentence)
    else jsonb_build_object('reason', reason, 'text', sentence, 'until', @schema@.job_why_date(until)) end;
