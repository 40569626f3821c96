"""A kit for job classes in Python:

    import jobs
    def work(job):
        for page in range(job.parameters["pages"]): ...; job.advance()
        return {"printed": True}          # the result; or raise jobs.Failed("no paper", retry="30s")
    jobs.run(work)

The same program runs one job (the default) or stays for many (jobs.class.<name>.jobs = 1000).
print() goes to what `jobctl logs` shows. A stop is SystemExit in the midst of the work."""
import json
import os
import signal
import sys
import traceback


class Failed(Exception):
    """retry: True (while attempts last), False (never again) or a pause such as "30s"."""

    def __init__(self, text, retry=True):
        super().__init__(text)
        self.retry = retry


class Snooze(Exception):
    """Not yet: raise Snooze("5m"). Uses no attempt."""


class Job:
    def __init__(self, line, answers):
        self._answers = answers
        self.__dict__.update(line)  # id, tenant, attempt, attempts, parameters, workspace, …

    def say(self, **answer):
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()

    def count(self, ticks):
        self.say(count=ticks)

    def advance(self, ticks=1):
        self.say(advance=ticks)

    def completion(self, percent):
        self.say(completion=percent)

    def log(self, text, level="info"):
        self.say(log=text, level=level)


def _work(job, work):
    try:
        return {"result": work(job)}
    except Failed as failure:
        return {"error": str(failure), "retry": failure.retry}
    except Snooze as snooze:
        return {"snooze": str(snooze)}
    except Exception as error:  # SystemExit, the stop, is none
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def run(work):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with os.fdopen(3, "w") as answers:
        for line in iter(sys.stdin.readline, ""):
            job = Job(json.loads(line), answers)
            answer = _work(job, work)
            sys.stdout.flush()
            job.say(**answer, end=job.id)
