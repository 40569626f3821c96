-- Wake-ups and stop requests of this datasource: a hint, without payload but for a constant word.
listen @schema@;
