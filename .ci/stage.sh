#!/bin/sh
# Runs one stage and says how long it took: stage.sh NAME COMMAND...
name=$1
shift
began=$(date +%s)
"$@"
code=$?
outcome=ok
[ "$code" -eq 0 ] || outcome="FAILED ($code)"
echo "== $name: $outcome, $(($(date +%s) - began)) s"
exit "$code"
