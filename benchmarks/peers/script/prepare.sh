# What can run on this machine, and how each system's program is started. reasons[SYSTEM] and reasons[SYSTEM:GROUP] say
# why it cannot (GROUP: kafka or nexmark), reasons[broker] why no broker can. Read by run.sh.
# shellcheck shell=bash disable=SC2154

declare -A why reasons

# attempt KEY LOG COMMAND...: the command's failure is the reason of that key.
attempt() {
  local key=$1 log=$build/log/$2
  shift 2
  "$@" </dev/null >"$log" 2>&1 && return
  why[$key]="$1 failed: $(grep -m 1 -iE 'error|could not|cannot' "$log" | tr -d '\r' | cut -c 1-200)"
  note "$key: ${why[$key]} (see $log)"
  return 1
}

# missing KEY WHAT PACKAGE: what the user lacks, and what Debian calls it.
missing() {
  why[$1]="$2 is not installed (Debian: $3)"
  note "$1: ${why[$1]}"
}

# group_of WORK: into `group`, the program that does it, and into `suffix` what the key of its reasons ends with.
group_of() {
  case $1 in
    kafka_* | recovery) group=kafka suffix=:kafka ;;
    nexmark_*) group=nexmark suffix=:nexmark ;;
    *) group=millstream suffix= ;;
  esac
}

# prepare_millstream SYSTEM: the programs of this folder that the works need, each for itself: without librdkafka there
# is none for Kafka, and the others run.
prepare_millstream() {
  local work group suffix done=" "
  if [[ -n $programs ]]; then return; fi
  command -v cmake >/dev/null || { missing "$1" cmake cmake; return; }
  cd "$root"
  if [[ ! -f build/bench/build.ninja ]]; then attempt "$1" cmake.log cmake --preset bench || return 0; fi
  for work in "${works[@]}"; do
    group_of "$work"
    if [[ $done == *" $group "* ]]; then continue; fi
    done+="$group "
    attempt "$1$suffix" "build_$group.log" cmake --build --preset bench --target "peers_$group" || true
  done
}

# The jars of the broker, where the tests have them: in the user's cache.
prepare_broker() {
  command -v java >/dev/null || { missing broker "a JDK" default-jdk; return; }
  attempt broker broker_fetch.log "$broker_script" fetch || return 0
}

prepare_timely() {
  command -v cargo >/dev/null || { missing timely cargo "cargo, or rustup"; return; }
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
  command -v javac >/dev/null || { missing "$system" "a JDK" default-jdk; return; }
  if ! cmp -s "$pom" "$jars/pom.xml"; then
    command -v mvn >/dev/null || { missing "$system" Maven maven; return; }
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

# command_of SYSTEM WORK: into `command`.
command_of() {
  local system=$1 opened group suffix
  local java=(java -XX:+UseParallelGC -Xmx4g -Djava.io.tmpdir="$build/tmp/$system" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
  group_of "$2"
  case $system in
    hand | millstream | millstream_spin)
      command=("${programs:-$root/build/bench/benchmarks}/peers_$group" --system "$system")
      ;;
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
    kafka_streams) command=("${java[@]}" -cp "$build/classes/kafka_streams:$build/jars/kafka_streams/*" peers.StreamsPeer) ;;
  esac
  command+=(--work "$2" --folder "$build/state/$system")
}

prepare() {
  local key keys=("${systems[@]}")
  if [[ " ${works[*]} " =~ \ (kafka_|recovery) ]]; then keys+=(broker); fi
  note "preparing, with what is fetched and built in $build"
  mkdir -p "$build/log"
  for key in "${keys[@]}"; do
    # In a shell of its own, for it changes folders.
    (
      case $key in
        hand | millstream | millstream_spin) prepare_millstream "$key" ;;
        timely) prepare_timely ;;
        flink | jet | kafka_streams) prepare_jvm "$key" ;;
        broker) prepare_broker ;;
      esac
      declare -p why
    ) >"$build/log/$key.why"
    # shellcheck source=/dev/null
    source "$build/log/$key.why"
    for key in "${!why[@]}"; do reasons[$key]=${why[$key]}; done
  done
}

# unable SYSTEM WORK INTERVAL: why there is no such row, into `reason`; false = there is one. A reason "" needs no word.
unable() {
  local system=$1 work=$2 interval=$3 group suffix
  group_of "$work"
  reason=
  case $system:$work in
    millstream_spin:latency_*) ;;
    millstream_spin:*) return 0 ;;  # it spins only where it has nothing to do
    *) ;;
  esac
  reason=${reasons[$system]:-${reasons[$system$suffix]:-}}
  if [[ -n $reason ]]; then return 0; fi
  if [[ $group == kafka && -n ${reasons[broker]:-} ]]; then reason="no broker: ${reasons[broker]}"; return 0; fi
  case $system:$group in
    kafka_streams:millstream | kafka_streams:nexmark) reason="reads only from Kafka" ;;
    timely:kafka) reason="has no connector for Kafka and no checkpoints" ;;
    timely:nexmark | jet:nexmark) reason="Nexmark stands beside Flink alone" ;;
    *) ;;
  esac
  case $system:$work in
    hand:recovery) reason="keeps its counts in memory alone: a crash loses them" ;;
    jet:recovery) reason="its snapshots are in the memory of the process that is killed" ;;
    *) ;;
  esac
  if [[ -n $reason ]]; then return 0; fi
  if ((interval > 0)); then
    [[ $group != kafka && ( $system == hand || $system == timely ) ]]  # they have no checkpoints
  else
    [[ $group == kafka ]]  # exactly once needs them
  fi
}
