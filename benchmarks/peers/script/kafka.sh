# The broker that all systems share, and the works that need it. Read by run.sh.
# shellcheck shell=bash disable=SC2154

broker_script=$root/tests/connectors/kafka/kafka_broker.sh
brokers=
input_topic=
input_count=0
kafka_program() { echo "${programs:-$root/build/bench/benchmarks}/peers_kafka"; }

# Once for all works; false = none, and why in `line`.
start_broker() {
  if [[ -n $brokers ]]; then return; fi
  start broker "$(kafka_program)" --broker
  answer broker || { end broker; return 1; }
  read -r _ brokers <<<"$line"
}

# ask_broker COMMAND...: its answer in `reply`; false = an error, in `line`.
ask_broker() {
  tell broker "$*" || true
  answer broker || return 1
  reply=${line#done}
  reply=${reply# }
}

# The messages that are read again and again: 100 bytes each.
prepare_topic() {
  if ((input_count == count)); then return; fi
  if ((input_count > 0)); then ask_broker delete "$input_topic" || return 1; fi
  ask_broker topic input || return 1
  input_topic=$reply
  input_count=$count
  ask_broker fill "$input_topic" "$count" 100
}

# recovery SYSTEM: a row. The job's process is killed and started again, by the program, which reads the results.
recovery() {
  local system=$1 command=() topics=() name said seconds started word=equal
  for name in recovery-input recovery; do
    ask_broker topic "$name" || { skip "$system" "${line#error }"; bad=1; return; }
    topics+=("$reply")
  done
  command_of "$system" recovery
  rm -rf "$build/state/$system" "$build/tmp/$system"
  mkdir -p "$build/tmp/$system"
  said=$("$(kafka_program)" --recover --brokers "$brokers" --input "${topics[0]}" --output "${topics[1]}" --kills "$kills" \
    -- "${command[@]}" --brokers "$brokers" --input "${topics[0]}" --output "${topics[1]}" --checkpoint "$interval" \
    2>"$build/log/$system.log") || true
  for name in "${topics[@]}"; do ask_broker delete "$name" || true; done
  rm -rf "$build/state/$system" "$build/tmp/$system"
  if [[ $said != recovery* ]]; then
    bad=1
    skip "$system" "checkpoint $checkpoint: ${said#error } (see $build/log/$system.log)"
    return
  fi
  read -r _ seconds started said <<<"$said"
  printf '%-14s %-15s %-8s %.3f s from the start of the process to the first new result, %.3f s of them to its main  %s\n' \
    "$work" "$system" "$checkpoint" "$seconds" "$started" "$word"
  # shellcheck disable=SC2086  # a list of numbers
  rows+=("{\"name\":\"$work $system\",\"work\":\"$work\",\"system\":\"$system\",\"guarantee\":\"exactly once\",$(
  )\"checkpoint\":\"$checkpoint\",\"kills\":$kills,\"recovery_seconds\":$seconds,\"recovery_seconds_all\":$(list $said),$(
  )\"started_seconds\":$started,\"equal\":true}")
}
