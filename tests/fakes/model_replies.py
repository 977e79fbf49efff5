"""The ways a model's server misbehaves, as replies of `ScriptedModelServer`."""

from backend.demo.scripted_model import Reply

prose = Reply("Of course! Here is a plan that fits your campaign.")
half_json = Reply('{"angle": "a shorter close", "cadence_days": [0, 4')
empty = Reply("")
json_list = Reply('["researcher", "composer"]')
no_completion = Reply(raw="<html>Bad gateway</html>")
error_500 = Reply(status=500)
error_429 = Reply(status=429)
trickle = Reply(trickles=True)
