#!/usr/bin/env bash
# run.sh where neither a JDK nor Maven nor cargo is there: what Millstream and the loops by hand do is measured, and each
# other row says what is missing. Needs no network.
#   test.sh FOLDER PROGRAMS      scratch folder; where peers_millstream and peers_nexmark are
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
programs=$2
rm -rf "$folder"
mkdir -p "$folder/bin"
for tool in awk bash cat cmp cp cut dirname find grep mkdir mkfifo mv rm sed sleep sort touch tr uname; do
  ln -s "$(command -v "$tool")" "$folder/bin/$tool"
done

fail() { echo "test.sh: $1" >&2; cat "$folder/out" >&2; exit 1; }
run() { PATH=$folder/bin bash "$here/run.sh" --programs "$programs" --build "$folder/build" --json "$folder/rows.json" "$@" >"$folder/out" 2>&1; }
has() { grep -qF "$1" "$folder/$2" || fail "$2 lacks '$1'"; }

run --only tumbling_10k,kafka_copy,recovery,nexmark_q5 --records 20000 --rounds 2 --event-rate 1000 ||
  fail "ended with $?"
has 'timely: cargo is not installed (Debian: cargo, or rustup)' out
has 'flink: a JDK is not installed (Debian: default-jdk)' out
has 'kafka_copy     millstream      skipped: no broker: a JDK is not installed (Debian: default-jdk)' out
for row in '"work":"tumbling_10k","system":"hand"' '"work":"tumbling_10k","system":"millstream"' \
  '"work":"nexmark_q5","system":"hand"' '"work":"nexmark_q5","system":"millstream"' \
  '"system":"timely","skipped":"cargo is not installed' '"work":"nexmark_q5","system":"flink","skipped":"a JDK' \
  '"work":"recovery","system":"hand","skipped"' '"guarantee":"exactly once","checkpoint":"1000 ms"'; do
  has "$row" rows.json
done
if grep -q '"equal":false' "$folder/rows.json"; then fail "results differ"; fi

run --only latency_100k --records 110000 --rounds 1 --systems hand,millstream_spin --checkpoints 0 || fail "ended with $?"
has '"latency_us":{"p50":' rows.json
has '"rate":100000' rows.json

# The JDK without Maven.
printf '#!/bin/sh\n' >"$folder/bin/javac"
chmod +x "$folder/bin/javac"
run --only map_filter --records 1000 --rounds 1 --systems hand,jet || fail "ended with $?"
has 'jet: Maven is not installed (Debian: maven)' out

for wrong in "--only nothing" "--systems nobody" "--records 0" "--at-least x" "--what 1" "--rounds"; do
  # shellcheck disable=SC2086  # words
  if run $wrong; then fail "took $wrong"; elif (($? != 2)); then fail "$wrong did not end with 2"; fi
done
