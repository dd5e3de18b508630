# The programs: one process for each system, which stays for all rounds of a row. Read by run.sh.
# shellcheck shell=bash disable=SC2154

declare -A pid to from version generate
answer_seconds=3600  # a run that takes longer is given up

# tell SYSTEM LINE; answer SYSTEM: a line into `line`; false = the program has ended or said an error, which is there.
tell() { echo "$2" >&"${to[$1]}" 2>/dev/null; }
answer() {
  if ! IFS= read -r -t "$answer_seconds" -u "${from[$1]}" line; then
    line="error no answer; see $build/log/$1.log"
    return 1
  fi
  [[ $line != error* ]]
}

# start SYSTEM COMMAND...
start() {
  local system=$1 pipes=$build/pipes.$1 fd
  shift
  rm -rf "$pipes" "$build/tmp/$system"
  mkdir -p "$pipes" "$build/tmp/$system"
  mkfifo "$pipes/in" "$pipes/out"
  "$@" <"$pipes/in" >"$pipes/out" 2>"$build/log/$system.log" &
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

