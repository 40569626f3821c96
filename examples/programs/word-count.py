#!/usr/bin/env python3
"""A job class in Python: how often each word comes in {"text": "…"}, the {"top": 10} most frequent ones."""
from collections import Counter

import jobs


def count_words(job):
    text = job.parameters.get("text")
    if not isinstance(text, str):
        raise jobs.Failed("text is missing: a string", retry=False)
    lines = text.splitlines()
    job.count(len(lines) or 1)
    words = Counter()
    for line in lines:
        words.update(line.lower().split())
        job.advance()
    job.log(f"{len(words)} different words")
    return {"words": sum(words.values()), "top": words.most_common(job.parameters.get("top", 10))}


jobs.run(count_words)
