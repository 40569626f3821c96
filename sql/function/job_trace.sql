-- W3C Trace Context: what is none is ignored, since nobody's work is to fail for it.
-- in: traceparent    out: the same, or null
create or replace function @schema@.job_trace(traceparent text) returns text
language sql immutable parallel safe
return case when traceparent ~
        '^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$|(?!00|ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[0-9a-z-]{0,199})?$)'
    and traceparent !~ '^..-(0{32}|.{32}-0{16})' then traceparent end;
