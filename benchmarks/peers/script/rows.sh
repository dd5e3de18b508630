# The rows: what is run for each, and what is said of it. Read by run.sh.
# shellcheck shell=bash disable=SC2154

rows=()
bad=0
declare -A median_of  # of "WORK|CHECKPOINT|SYSTEM|FIELD"

median() { tr ' ' '\n' <<<"${1# }" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
quoted() { sed 's/\\/\\\\/g; s/"/\\"/g; s/[[:cntrl:]]/ /g; s/.*/"&"/' <<<"$1"; }
list() { local IFS=,; echo "[$*]"; }

skip() {
  rows+=("{\"name\":\"$work $1\",\"work\":\"$work\",\"system\":\"$1\",\"skipped\":$(quoted "$2")}")
  printf '%-14s %-15s %s\n' "$work" "$1" "skipped: $2"
}

fail() {
  bad=1
  skip "$1" "checkpoint $checkpoint: ${line#error }"
  end "$1"
}

guarantee_of() {
  case $1:$work in
    hand:kafka_copy) echo "exactly once" ;;
    hand:kafka_keyed) echo "exactly once but for a crash" ;;
    hand:* | timely:*) echo none ;;
    *) if ((interval > 0)); then echo "exactly once"; else echo none; fi ;;
  esac
}

# start_system SYSTEM: up to its warmed state; its version and the time that its input took are noted.
start_system() {
  local system=$1 command=() extra=() warm=0
  command_of "$system" "$work"
  case $system in flink | jet | kafka_streams) warm=$warmup ;; esac
  case $work in
    kafka_*) extra=(--brokers "$brokers") ;;
    nexmark_*) extra=(--events "$events_file") ;;
  esac
  start "$system" "${command[@]}" --records "$count" --checkpoint "$interval" --warmup "$warm" "${extra[@]}"
  answer "$system" || return 1
  read -r _ "version[$system]" "generate[$system]" <<<"$line"
  if [[ $work == kafka_* ]]; then
    local until=$((SECONDS + warm))
    while ((SECONDS < until)); do run_once "$system" || return 1; done
  fi
}

# run_once SYSTEM: a run, whose answer is in `line` and whose digest, if it says none itself, is in `digest`.
run_once() {
  local said
  digest=
  if [[ $work != kafka_* ]]; then
    tell "$1" run || true
    answer "$1"
    return
  fi
  ask_broker topic "$work" || return 1
  local topic=$reply
  tell "$1" "run $input_topic $topic" || true
  answer "$1" || return 1
  said=$line
  ask_broker digest "$topic" || return 1
  digest=$reply
  ask_broker delete "$topic" || return 1
  line=$said
}

# take SYSTEM: the numbers of the answer in `line`, each to those of the other rounds in all[SYSTEM FIELD].
take() {
  local kind seconds cpu first p50 p99 p99_9 max cores results sum field fields
  read -r kind _ <<<"$line"
  if [[ $kind == latency ]]; then
    read -r _ p50 p99 p99_9 max "measured[$1]" cores "rss_of[$1]" results sum <<<"$line"
    fields="p50 p99 p99_9 max cores"
  else
    read -r _ seconds cpu first "rss_of[$1]" results sum <<<"$line"
    fields="seconds cpu first"
  fi
  for field in $fields; do all["$1 $field"]+=" ${!field}"; done
  digest=${digest:-$results:$sum}
  expected=${expected:-$digest}
  digest_of[$1]=$digest
  if [[ $digest != "$expected" ]]; then equal_of[$1]=false; fi
}

# said_of SYSTEM: its row.
said_of() {
  local system=$1 equal=${equal_of[$1]:-true} field word=equal numbers
  if [[ $equal == false ]]; then bad=1 word=DIFFERENT; fi
  for field in seconds cpu first p50 p99 p99_9 max cores; do
    if [[ -n ${all["$system $field"]:-} ]]; then
      median_of["$work|$checkpoint|$system|$field"]=$(median "${all["$system $field"]}")
    fi
  done
  value() { echo "${median_of["$work|$checkpoint|$system|$1"]}"; }
  # shellcheck disable=SC2086  # lists of numbers
  if [[ -n ${all["$system p50"]:-} ]]; then
    numbers="\"rate\":$(rate_of "$work"),\"latency_us\":{\"p50\":$(value p50),\"p99\":$(value p99),$(
    )\"p99_9\":$(value p99_9),\"max\":$(value max)},\"p99_us\":$(list ${all["$system p99"]}),$(
    )\"measured\":${measured[$system]},\"cores\":$(value cores)"
    printf '%-14s %-15s %-8s p50 %.1f us, p99 %.1f, p99.9 %.1f, most %.1f, %.2f cores  %s\n' "$work" "$system" \
      "$checkpoint" "$(value p50)" "$(value p99)" "$(value p99_9)" "$(value max)" "$(value cores)" "$word"
  else
    numbers="\"seconds\":$(value seconds),\"seconds_all\":$(list ${all["$system seconds"]}),$(
    )\"cpu_seconds\":$(value cpu),\"first_result_seconds\":$(value first)"
    awk -v work="$work" -v system_="$system" -v checkpoint="$checkpoint" -v n="$count" -v s="$(value seconds)" \
      -v cpu="$(value cpu)" -v first="$(value first)" -v rss="${rss_of[$system]}" -v word="$word" 'BEGIN {
        printf "%-14s %-15s %-8s %10.2f %10.2f %8.0f %9s  %s\n", work, system_, checkpoint, n / s / 1e6,
          cpu / n * 1e6, rss / 1048576, (first > 0 ? sprintf("%.3f", first) : "-"), word }'
  fi
  rows+=("{\"name\":\"$work $system\",\"work\":\"$work\",\"system\":\"$system\",\"version\":$(quoted "${version[$system]}"),$(
  )\"guarantee\":\"$(guarantee_of "$system")\",\"checkpoint\":\"$checkpoint\",\"records\":$count,$numbers,$(
  )\"rss_bytes\":${rss_of[$system]},\"generate_seconds\":${generate[$system]},$(
  )\"digest\":\"${digest_of[$system]}\",\"equal\":$equal}")
}

# measure SYSTEMS...: a row for each, its rounds interleaved.
measure() {
  local system round digest running=()
  local -A all=() measured=() rss_of=() digest_of=() equal_of=()
  for system in "$@"; do
    if start_system "$system"; then running+=("$system"); else fail "$system"; fi
  done
  for ((round = 0; round < rounds; ++round)); do
    for system in "${running[@]}"; do
      [[ -n ${pid[$system]:-} ]] || continue
      if run_once "$system"; then take "$system"; else fail "$system"; fi
    done
  done
  for system in "${running[@]}"; do
    [[ -n ${pid[$system]:-} ]] || continue
    end "$system"
    said_of "$system"
  done
}

# Nexmark's events, once for all: the same bytes for every system.
prepare_events() {
  events_file=$build/nexmark-$event_rate-$count.events
  if [[ -f $events_file ]]; then return; fi
  local program=${programs:-$root/build/bench/benchmarks}/peers_nexmark
  rm -f "$build"/nexmark-*.events
  line=$("$program" --write "$events_file.part" --records "$count" --event-rate "$event_rate") || return 1
  mv "$events_file.part" "$events_file"
}

# How many times as many events as Flink, of each query that both have done. A query below --at-least is bad.
beside_flink() {
  local key work checkpoint time cpu word
  for key in "${!median_of[@]}"; do
    if [[ $key == nexmark_*"|millstream|seconds" && -n ${median_of[${key/|millstream|/|flink|}]:-} ]]; then echo "$key"; fi
  done | sort -V | while IFS='|' read -r work checkpoint _; do
    time=$(over "$work|$checkpoint" seconds)
    cpu=$(over "$work|$checkpoint" cpu)
    echo "$work|$checkpoint|$time|$cpu"
  done >"$build/beside_flink"
  while IFS='|' read -r work checkpoint time cpu; do
    word=
    if [[ -n $at_least ]]; then
      word=", to reach $at_least: yes"
      awk -v cpu="$cpu" -v least="$at_least" 'BEGIN { exit !(cpu < least) }' && bad=1 word=", to reach $at_least: NO"
    fi
    printf '%-14s checkpoint %-8s millstream/flink: %s x as many events a second, %s x a CPU second%s\n' "$work" \
      "$checkpoint" "$time" "$cpu" "$word"
    rows+=("{\"name\":\"$work millstream/flink\",\"work\":\"$work\",\"system\":\"millstream/flink\",$(
    )\"checkpoint\":\"$checkpoint\",\"events_a_second\":$time,\"events_a_cpu_second\":$cpu}")
  done <"$build/beside_flink"
}
over() { awk -v a="${median_of["$1|flink|$2"]}" -v b="${median_of["$1|millstream|$2"]}" 'BEGIN { printf "%.2f", a / b }'; }
