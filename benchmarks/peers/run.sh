#!/usr/bin/env bash
# The same work in Millstream, by hand, and in other engines, side by side on this machine; README.md says what is
# measured. Fetches the peers (through Maven and cargo) and builds all of it under build/, once.
set -euo pipefail
export LC_ALL=C  # decimals have points

usage() {
  cat <<'EOF'
Usage: run.sh [--only WORKS] [--systems A,B] [--records N] [--rounds N] [--checkpoints LIST] [--warmup SECONDS]
              [--kills N] [--event-rate N] [--at-least X] [--json FILE] [--programs DIR] [--build DIR]

  --only WORKS       of map_filter, tumbling_10k, tumbling_1m, reduce_1m, sliding_10, sliding_60, latency_100k, kafka_copy,
                     kafka_keyed, recovery, nexmark_q0, _q1, _q2, _q5, _q7 and _q18; `kafka` and `nexmark` are all of
                     theirs [all]
  --systems A,B      of hand, millstream, millstream_spin, timely, flink, jet and kafka_streams [all]
  --records N        records of a run [10000000; sliding_10 3000000, sliding_60, latency_100k 1000000, kafka and nexmark
                     2000000]
  --rounds N         interleaved rounds that count [5]
  --checkpoints LIST milliseconds between checkpoints, 0 = none; those that have none run with 0 only, works from Kafka
                     to Kafka without 0 [0,1000]
  --warmup SECONDS   of runs that do not count, for the systems on a JVM; the others do one [20]
  --kills N          of recovery [5]
  --event-rate N     of Nexmark: events a second of event time [100000]
  --at-least X       ends with 1 where Millstream does not do so many times Flink's events a CPU second in a query of Nexmark
  --json FILE        where the rows go [build/peers/peers.json]
  --programs DIR     where the programs of this folder stand, which else are built by cmake
  --build DIR        what is fetched and built goes there [build/peers]

What is missing on this machine (cmake, a JDK, Maven, cargo) is said, and the rows that need it say so in the JSON.
Exit: 0 all rows that ran are equal, 1 some are not or did not end, 2 wrong usage.
EOF
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/peers
all_works=(map_filter tumbling_10k tumbling_1m reduce_1m sliding_10 sliding_60 latency_100k kafka_copy kafka_keyed recovery
  nexmark_q0 nexmark_q1 nexmark_q2 nexmark_q5 nexmark_q7 nexmark_q18)
all_systems=(hand millstream millstream_spin timely flink jet kafka_streams)

works=("${all_works[@]}")
systems=("${all_systems[@]}")
checkpoints=(0 1000)
recovery_checkpoint=100  # milliseconds: of a second most would be the wait for the next checkpoint
records=
rounds=5
warmup=20
kills=5
event_rate=100000
at_least=
programs=
json=

wrong() { echo "run.sh: $1" >&2; exit 2; }
note() { printf '%s\n' "$*" >&2; }
number() { [[ $2 =~ ^[0-9]+$ ]] || wrong "$1 needs a number"; }
positive() { number "$1" "$2"; (($2 > 0)) || wrong "$1 needs a number above 0"; }

choose_works() {
  local names name
  IFS=, read -r -a names <<<"$1"
  works=()
  for name in "${names[@]}"; do
    case $name in
      kafka) works+=(kafka_copy kafka_keyed recovery) ;;
      nexmark) works+=(nexmark_q0 nexmark_q1 nexmark_q2 nexmark_q5 nexmark_q7 nexmark_q18) ;;
      *)
        [[ " ${all_works[*]} " == *" $name "* ]] || wrong "there is no work '$name'"
        works+=("$name")
        ;;
    esac
  done
  ((${#works[@]} > 0)) || wrong "--only names none"
}

while (($# > 0)); do
  case $1 in --help | -h) usage; exit ;; esac
  (($# > 1)) || wrong "$1 needs a value; see --help"
  case $1 in
    --records) positive "$1" "$2"; records=$2 ;;
    --rounds) positive "$1" "$2"; rounds=$2 ;;
    --kills) positive "$1" "$2"; kills=$2 ;;
    --event-rate) positive "$1" "$2"; event_rate=$2 ;;
    --warmup) number "$1" "$2"; warmup=$2 ;;
    --at-least) [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || wrong "$1 needs a number"; at_least=$2 ;;
    --only) choose_works "$2" ;;
    --systems)
      IFS=, read -r -a systems <<<"$2"
      for system in "${systems[@]}"; do
        [[ " ${all_systems[*]} " == *" $system "* ]] || wrong "there is no system '$system'"
      done
      ((${#systems[@]} > 0)) || wrong "--systems names none"
      ;;
    --checkpoints)
      IFS=, read -r -a checkpoints <<<"$2"
      for interval in "${checkpoints[@]}"; do number "$1" "$interval"; done
      ((${#checkpoints[@]} > 0)) || wrong "--checkpoints names none"
      ;;
    --json) json=$2 ;;
    --programs) programs=$(cd "$2" 2>/dev/null && pwd) || wrong "there is no folder $2" ;;
    --build) build=$(mkdir -p "$2" && cd "$2" && pwd) || wrong "there can be no folder $2" ;;
    *) wrong "unknown option $1" ;;
  esac
  shift 2
done
json=${json:-$build/peers.json}

# shellcheck source=script/prepare.sh
source "$here/script/prepare.sh"
# shellcheck source=script/programs.sh
source "$here/script/programs.sh"
# shellcheck source=script/rows.sh
source "$here/script/rows.sh"
# shellcheck source=script/kafka.sh
source "$here/script/kafka.sh"

count_of() {
  case $1 in
    sliding_10) echo "${records:-3000000}" ;;
    sliding_60 | latency_*) echo "${records:-1000000}" ;;
    kafka_* | nexmark_*) echo "${records:-2000000}" ;;
    *) echo "${records:-10000000}" ;;
  esac
}
rate_of() { echo "${1#latency_}" | sed 's/k$/000/'; }

write_rows() {
  local i
  mkdir -p "$(dirname "$json")"
  {
    echo '['
    for ((i = 0; i < ${#rows[@]}; ++i)); do
      if ((i + 1 < ${#rows[@]})); then echo " ${rows[i]},"; else echo " ${rows[i]}"; fi
    done
    echo ']'
  } >"$json"
}

# What a work needs beside the systems; false = it cannot be had, and why in `line`.
prepare_work() {
  case $work in
    recovery) start_broker ;;
    kafka_*) start_broker && prepare_topic ;;
    nexmark_*) prepare_events ;;
    *) ;;
  esac
}

prepare
printf '%-14s %-15s %-8s %10s %10s %8s %9s  %s\n' work system chkpoint M/s "CPU s/M" "RSS MiB" "first s" results
for work in "${works[@]}"; do
  expected=  # the digest of the first that ran: by hand, unless that was not asked for
  count=$(count_of "$work")
  intervals=("${checkpoints[@]}")
  if [[ $work == recovery ]]; then intervals=("$recovery_checkpoint"); fi
  able=()
  for system in "${systems[@]}"; do
    can=false
    for interval in "${intervals[@]}"; do
      if ! unable "$system" "$work" "$interval"; then can=true; fi
    done
    if $can; then
      able+=("$system")
    elif [[ -n $reason ]]; then
      skip "$system" "$reason"
    fi
  done
  if ((${#able[@]} > 0)) && ! prepare_work; then
    bad=1
    for system in "${able[@]}"; do skip "$system" "${line#error }"; done
    continue
  fi
  for interval in "${intervals[@]}"; do
    checkpoint=none
    if ((interval > 0)); then checkpoint="$interval ms"; fi
    contenders=()
    for system in "${able[@]}"; do
      if ! unable "$system" "$work" "$interval"; then contenders+=("$system"); fi
    done
    if [[ $work == recovery ]]; then
      for system in "${contenders[@]}"; do recovery "$system"; done
    elif ((${#contenders[@]} > 0)); then
      measure "${contenders[@]}"
    fi
    write_rows  # a long run that is cut off has lost nothing
  done
done
beside_flink
write_rows
note "rows: $json"
exit "$bad"
