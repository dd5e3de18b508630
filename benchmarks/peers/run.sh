#!/usr/bin/env bash
# The same work in Millstream, by hand, and in other engines, side by side on this machine; README.md says what is
# measured. Fetches the peers (through Maven and cargo) and builds all of it under build/, once.
set -euo pipefail
export LC_ALL=C  # decimals have points

usage() {
  cat <<'EOF'
Usage: run.sh [--records N] [--rounds N] [--only WORK] [--systems A,B] [--checkpoints LIST] [--warmup SECONDS]
              [--json FILE]

  --records N        records of a run [10000000; sliding_10 3000000, sliding_60 1000000]
  --rounds N         interleaved rounds that count [5]
  --only WORK        map_filter, tumbling_10k, tumbling_1m, reduce_1m, sliding_10 or sliding_60 [all]
  --systems A,B      of hand, millstream, timely, flink, jet and kafka_streams [all]
  --checkpoints LIST milliseconds between checkpoints, 0 = none; those that have none run with 0 only [0,1000]
  --warmup SECONDS   of runs that do not count, for the systems on a JVM; the others do one [20]
  --json FILE        where the rows go [build/peers/peers.json]

What is missing on this machine (cmake, a JDK, Maven, cargo) is said, and the rows that need it say so in the JSON.
Exit: 0 all rows that ran are equal, 1 some are not or did not end, 2 wrong usage.
EOF
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/peers
all_works=(map_filter tumbling_10k tumbling_1m reduce_1m sliding_10 sliding_60)
all_systems=(hand millstream timely flink jet kafka_streams)

works=("${all_works[@]}")
systems=("${all_systems[@]}")
checkpoints=(0 1000)
records=
rounds=5
warmup=20
json=$build/peers.json

wrong() { echo "run.sh: $1" >&2; exit 2; }
note() { printf '%s\n' "$*" >&2; }
number() { [[ $2 =~ ^[0-9]+$ ]] || wrong "$1 needs a number"; }

while (($# > 0)); do
  case $1 in --help | -h) usage; exit ;; esac
  (($# > 1)) || wrong "$1 needs a value; see --help"
  case $1 in
    --records) number "$1" "$2"; (($2 > 0)) || wrong "no records"; records=$2 ;;
    --rounds) number "$1" "$2"; (($2 > 0)) || wrong "no rounds"; rounds=$2 ;;
    --warmup) number "$1" "$2"; warmup=$2 ;;
    --only)
      [[ " ${all_works[*]} " == *" $2 "* ]] || wrong "there is no work '$2'"
      works=("$2")
      ;;
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
    *) wrong "unknown option $1" ;;
  esac
  shift 2
done

# ---- What can run. why[SYSTEM] says why it cannot. ----

declare -A why
mkdir -p "$build/log"

# attempt SYSTEM LOG COMMAND...: the command's failure is the system's.
attempt() {
  local system=$1 log=$build/log/$2
  shift 2
  "$@" </dev/null >"$log" 2>&1 && return
  why[$system]="$1 failed: $(grep -m 1 -iE 'error|could not|cannot' "$log" | tr -d '\r' | cut -c 1-200)"
  note "$system: ${why[$system]} (see $log)"
  return 1
}

missing() {
  why[$1]="$2 is not installed"
  note "$1: ${why[$1]}"
}

prepare_millstream() {
  command -v cmake >/dev/null || { missing "$1" cmake; return; }
  cd "$root"
  if [[ ! -f build/bench/build.ninja ]]; then attempt "$1" cmake.log cmake --preset bench || return 0; fi
  attempt "$1" build.log cmake --build --preset bench --target peers_millstream || return 0
}

prepare_timely() {
  command -v cargo >/dev/null || { missing timely cargo; return; }
  mkdir -p "$build/timely/src"
  cp -u "$here/timely/Cargo.toml" "$build/timely/"
  cp -u "$here"/timely/src/*.rs "$build/timely/src/"
  cd "$build/timely"
  # Its downloads go under build/, but where from is what the user has configured.
  local home=${CARGO_HOME:-$HOME/.cargo} configured=()
  if [[ -f $home/config.toml ]]; then configured=(--config "$home/config.toml"); fi
  CARGO_HOME=$build/cargo attempt timely cargo.log cargo build --release "${configured[@]}" || return 0
}

# prepare_jvm SYSTEM: the jars of its pom.xml, once for each state of that file, and our classes.
prepare_jvm() {
  local system=$1 pom=$here/jvm/$1/pom.xml jars=$build/jars/$1
  command -v javac >/dev/null || { missing "$system" "a JDK"; return; }
  if ! cmp -s "$pom" "$jars/pom.xml"; then
    command -v mvn >/dev/null || { missing "$system" Maven; return; }
    rm -rf "$jars" "$jars.part"
    mkdir -p "$build/jars"
    attempt "$system" "$system.mvn.log" mvn -q -B -f "$pom" -Dmaven.repo.local="$build/m2" -DincludeScope=runtime \
      -DoutputDirectory="$jars.part" dependency:copy-dependencies || return 0
    cp "$pom" "$jars.part/"
    mv "$jars.part" "$jars"
  fi
  local classes=$build/classes/$system
  if [[ ! -d $classes || -n $(find "$here/jvm/common" "$here/jvm/$system" -name '*.java' -newer "$classes") ]]; then
    rm -rf "$classes" "$classes.part"
    mkdir -p "$classes.part"
    attempt "$system" "$system.javac.log" javac -d "$classes.part" -cp "$jars/*" \
      "$here"/jvm/common/*.java "$here/jvm/$system"/*.java || return 0
    touch "$classes.part"
    mv "$classes.part" "$classes"
  fi
}

command_of() {
  local system=$1 opened
  local java=(java -XX:+UseParallelGC -Xmx4g -Djava.io.tmpdir="$build/tmp/$system" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
  case $system in
    hand | millstream) command=("$root/build/bench/benchmarks/peers_millstream" --system "$system") ;;
    timely) command=("$build/timely/target/release/peers_timely") ;;
    flink)
      for opened in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.text java.time java.util \
        java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks sun.nio.ch; do
        java+=(--add-opens "java.base/$opened=ALL-UNNAMED")
      done
      command=("${java[@]}" -cp "$build/classes/flink:$build/jars/flink/*" peers.FlinkPeer)
      ;;
    jet)
      java+=(--add-modules java.se --add-exports java.base/jdk.internal.ref=ALL-UNNAMED)
      for opened in java.base/java.lang java.base/sun.nio.ch java.management/sun.management \
        jdk.management/com.sun.management.internal; do
        java+=(--add-opens "$opened=ALL-UNNAMED")
      done
      command=("${java[@]}" -cp "$build/classes/jet:$build/jars/jet/*" peers.JetPeer)
      ;;
  esac
}

chosen() { [[ " ${systems[*]} " == *" $1 "* ]]; }

note "preparing, with what is fetched and built in $build"
for system in "${systems[@]}"; do
  case $system in
    hand | millstream) (prepare_millstream "$system"; declare -p why >"$build/log/$system.why") ;;
    timely) (prepare_timely; declare -p why >"$build/log/$system.why") ;;
    flink | jet) (prepare_jvm "$system"; declare -p why >"$build/log/$system.why") ;;
    kafka_streams) echo 'declare -A why=([kafka_streams]="reads only from Kafka")' >"$build/log/$system.why" ;;
  esac
done
declare -A reasons
for system in "${systems[@]}"; do
  # shellcheck source=/dev/null
  source "$build/log/$system.why"
  if [[ -n ${why[$system]:-} ]]; then reasons[$system]=${why[$system]}; fi
done

# ---- The programs: one process for each system, which stays for all rounds of a row. ----

declare -A pid to from version generate
answer_seconds=3600  # a run that takes longer is given up

# tell SYSTEM WORD; answer SYSTEM: a line into `line`; false = the program has ended or said an error, in reasons[row].
tell() { echo "$2" >&"${to[$1]}" 2>/dev/null; }
answer() {
  if ! IFS= read -r -t "$answer_seconds" -u "${from[$1]}" line; then
    line="error no answer; see $build/log/$1.log"
    return 1
  fi
  [[ $line != error* ]]
}

start() {
  local system=$1 pipes=$build/pipes.$1 command=() fd
  shift
  command_of "$system"
  rm -rf "$pipes" "$build/tmp/$system"
  mkdir -p "$pipes" "$build/tmp/$system"
  mkfifo "$pipes/in" "$pipes/out"
  "${command[@]}" "$@" --folder "$build/state/$system" <"$pipes/in" >"$pipes/out" 2>"$build/log/$system.log" &
  pid[$system]=$!
  exec {fd}>"$pipes/in"
  to[$system]=$fd
  exec {fd}<"$pipes/out"
  from[$system]=$fd
  rm -rf "$pipes"
}

end() {
  local system=$1 fd alive=true
  [[ -n ${pid[$system]:-} ]] || return 0
  tell "$system" exit || true
  for _ in {1..100}; do
    kill -0 "${pid[$system]}" 2>/dev/null || { alive=false; break; }
    sleep 0.1
  done
  if $alive; then kill -KILL "${pid[$system]}" 2>/dev/null || true; fi
  wait "${pid[$system]}" 2>/dev/null || true
  fd=${to[$system]}
  exec {fd}>&-
  fd=${from[$system]}
  exec {fd}<&-
  unset "pid[$system]" "to[$system]" "from[$system]"
  rm -rf "$build/state/$system" "$build/tmp/$system"
}

end_all() { for system in "${!pid[@]}"; do end "$system"; done; }
trap '' PIPE
trap end_all EXIT

# ---- Rows ----

rows=()
bad=0
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
quoted() { sed 's/\\/\\\\/g; s/"/\\"/g; s/[[:cntrl:]]/ /g; s/.*/"&"/' <<<"$1"; }
list() { local IFS=,; echo "[$*]"; }

skip() {
  rows+=("{\"work\":\"$work\",\"system\":\"$1\",\"skipped\":$(quoted "$2")}")
  printf '%-14s %-14s %s\n' "$work" "$1" "skipped: $2"
}

guarantee_of() {
  case $1 in
    hand | timely) echo none ;;
    *) if ((interval > 0)); then echo "exactly once"; else echo none; fi ;;
  esac
}

# measure SYSTEMS...: a row for each, its rounds interleaved.
measure() {
  local system round running=() seconds cpu first rss results sum digest equal
  local -A all_seconds=() all_cpu=() all_first=() rss_of=() digest_of=() equal_of=()
  for system in "$@"; do
    start "$system" --work "$work" --records "$count" --checkpoint "$interval" \
      --warmup "$(case $system in flink | jet) echo "$warmup" ;; *) echo 0 ;; esac)"
    if answer "$system"; then
      read -r _ "version[$system]" "generate[$system]" <<<"$line"
      running+=("$system")
    else
      bad=1
      skip "$system" "checkpoint $checkpoint: ${line#error }"
      end "$system"
    fi
  done
  for ((round = 0; round < rounds; ++round)); do
    for system in "${running[@]}"; do
      [[ -n ${pid[$system]:-} ]] || continue
      tell "$system" run || true
      if ! answer "$system"; then
        bad=1
        skip "$system" "checkpoint $checkpoint: ${line#error }"
        end "$system"
        continue
      fi
      read -r _ seconds cpu first rss results sum <<<"$line"
      digest="$results:$sum"
      expected=${expected:-$digest}
      all_seconds[$system]+=" $seconds"
      all_cpu[$system]+=" $cpu"
      all_first[$system]+=" $first"
      rss_of[$system]=$rss
      digest_of[$system]=$digest
      if [[ $digest != "$expected" ]]; then equal_of[$system]=false; fi
    done
  done
  for system in "${running[@]}"; do
    [[ -n ${pid[$system]:-} ]] || continue
    end "$system"
    seconds=$(tr ' ' '\n' <<<"${all_seconds[$system]# }" | median)
    cpu=$(tr ' ' '\n' <<<"${all_cpu[$system]# }" | median)
    first=$(tr ' ' '\n' <<<"${all_first[$system]# }" | median)
    equal=${equal_of[$system]:-true}
    if [[ $equal == false ]]; then bad=1; fi
    # shellcheck disable=SC2086  # a list of numbers
    rows+=("{\"work\":\"$work\",\"system\":\"$system\",\"version\":$(quoted "${version[$system]}"),$(
    )\"guarantee\":\"$(guarantee_of "$system")\",\"checkpoint\":\"$checkpoint\",\"records\":$count,\"seconds\":$seconds,$(
    )\"seconds_all\":$(list ${all_seconds[$system]}),\"cpu_seconds\":$cpu,\"rss_bytes\":${rss_of[$system]},$(
    )\"first_result_seconds\":$first,\"generate_seconds\":${generate[$system]},$(
    )\"digest\":\"${digest_of[$system]}\",\"equal\":$equal}")
    awk -v work="$work" -v system_="$system" -v checkpoint="$checkpoint" -v n="$count" -v s="$seconds" -v cpu="$cpu" \
      -v first="$first" -v rss="${rss_of[$system]}" -v equal="$equal" 'BEGIN {
        printf "%-14s %-14s %-8s %10.2f %10.2f %8.0f %9.3f  %s\n", work, system_, checkpoint, n / s / 1e6,
          cpu / n * 1e6, rss / 1048576, first, equal == "true" ? "equal" : "DIFFERENT" }'
  done
}

printf '%-14s %-14s %-8s %10s %10s %8s %9s  %s\n' work system chkpoint M/s "CPU s/M" "RSS MiB" "first s" results
for work in "${works[@]}"; do
  expected=  # the digest of the first that ran: by hand, unless that was not asked for
  case $work in
    sliding_10) count=${records:-3000000} ;;
    sliding_60) count=${records:-1000000} ;;
    *) count=${records:-10000000} ;;
  esac
  for system in "${systems[@]}"; do
    if [[ -n ${reasons[$system]:-} ]]; then skip "$system" "${reasons[$system]}"; fi
  done
  for interval in "${checkpoints[@]}"; do
    checkpoint=none
    if ((interval > 0)); then checkpoint="$interval ms"; fi
    contenders=()
    for system in "${systems[@]}"; do
      if [[ -n ${reasons[$system]:-} ]]; then continue; fi
      if ((interval > 0)) && [[ $system == hand || $system == timely ]]; then continue; fi  # they have none
      contenders+=("$system")
    done
    if ((${#contenders[@]} > 0)); then measure "${contenders[@]}"; fi
  done
done

mkdir -p "$(dirname "$json")"
{
  echo '['
  for ((i = 0; i < ${#rows[@]}; ++i)); do
    if ((i + 1 < ${#rows[@]})); then echo " ${rows[i]},"; else echo " ${rows[i]}"; fi
  done
  echo ']'
} >"$json"
note "rows: $json"
exit "$bad"
