#!/usr/bin/env bash
# From a fresh Debian to a running demo or a tested library: installs what is missing, configures, builds, runs.
# A second call finds everything in place and only does what has changed.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: cmake/bootstrap.sh demo [ARGUMENTS...]           build and run examples/flight_delays (ARGUMENTS go to it)
       cmake/bootstrap.sh test [--kafka] [ARGUMENTS...] build everything and run all tests (ARGUMENTS go to ctest);
                                                        with --kafka also what a real Kafka broker takes, without which
                                                        the tests that need one are skipped
       cmake/bootstrap.sh --help

Works on Debian 12 and 13; installs missing packages with apt-get, so it needs root or sudo the first time.
Builds in build/demo and build/dev. Parallel jobs: CMAKE_BUILD_PARALLEL_LEVEL, or one for each processor.
TEXT
  printf '\nPackages of the library and the demo: %s\n' "$(packages_for demo | paste -s -d ' ')"
  printf 'For the tests also: %s\n' "$(comm -13 <(packages_for demo | sort) <(packages_for test | sort) | paste -s -d ' ')"
  printf 'With --kafka also: %s\n' "$(comm -13 <(packages_for test | sort) <(packages_for kafka | sort) | paste -s -d ' ')"
}

say() { printf 'bootstrap: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# Sets release ("debian 12") and boost (the development package of Boost >= 1.81 there).
detect_system() {
  local id="" version=""
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  release="${id:-unknown system} ${version:-without a version}"
  case "$id $version" in
    "debian 12") boost=libboost1.81-dev ;;
    *) boost=libboost-dev ;;
  esac
}

# The packages of a command; "kafka" stands for test --kafka. The demo needs neither a test framework nor Kafka.
packages_for() {
  printf '%s\n' cmake ninja-build g++ pkgconf "$boost" zlib1g-dev libzstd-dev libsimdjson-dev libxxhash-dev \
    libhowardhinnant-date-dev libfmt-dev libspdlog-dev librocksdb-dev libcli11-dev
  if [ "$1" != demo ]; then
    printf '%s\n' ccache libgtest-dev libgmock-dev libbenchmark-dev librdkafka-dev
  fi
  if [ "$1" = kafka ]; then
    printf '%s\n' default-jre-headless maven
  fi
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

refuse_unknown_system() {
  say "error: this script knows Debian 12 and 13, and this is $release."
  say "Install the counterparts of these Debian packages (g++ 12 or later, CMake 3.25 or later, Boost 1.81 or later):"
  packages_for "$1" | sed 's/^/  /' >&2
  say "Then, by hand:"
  if [ "$1" = demo ]; then
    say "  cmake --preset release -DMILLSTREAM_TESTS=OFF -DMILLSTREAM_BENCHMARKS=OFF -DMILLSTREAM_KAFKA=OFF"
    say "  cmake --build --preset release --target flight_delays && build/release/examples/flight_delays"
  else
    say "  cmake --preset dev && cmake --build --preset dev && ctest --preset dev"
  fi
  exit 1
}

install_missing() {
  local package missing=() as_root=()
  while read -r package; do
    is_installed "$package" || missing+=("$package")
  done < <(packages_for "$1")
  if [ ${#missing[@]} -eq 0 ]; then return; fi

  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "neither root nor sudo; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  # --no-remove: never trade away a package that somebody else needs. Old or missing package lists show as packages
  # that cannot be found or fetched, so lists are fetched only then.
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get install --yes --quiet --no-install-recommends --no-remove "${missing[@]}")
  if "${install[@]}" </dev/null >&2 2>/dev/null; then return; fi
  "${as_root[@]}" apt-get update --quiet </dev/null >&2 || fail "apt-get update failed"
  "${install[@]}" </dev/null >&2 || fail "apt-get could not install: ${missing[*]}"
}

# configure <build folder> <cmake arguments...>: only when it never succeeded or the presets have changed since.
configure() {
  local build=$1
  shift
  if [ "$build/build.ninja" -nt CMakePresets.json ]; then return; fi
  cmake "$@" -B "$build" >&2
  touch "$build/build.ninja"
}

run_demo() {
  # A build folder of its own, so that leaving out the tests does not stick to the release preset's.
  local build=build/demo
  configure "$build" --preset release -DMILLSTREAM_TESTS=OFF -DMILLSTREAM_BENCHMARKS=OFF \
    -DMILLSTREAM_KAFKA=OFF -DCMAKE_COMPILE_WARNING_AS_ERROR=OFF
  cmake --build "$build" --target flight_delays --parallel "$processors" >&2
  # The demo's arguments may name files relative to where the user stands.
  cd "$caller_folder"
  exec "$repository/$build/examples/flight_delays" "$@"
}

run_test() {
  configure build/dev --preset dev
  cmake --build build/dev --parallel "$processors"
  # Here, for a download may take longer than a test may.
  if [ "$packages" = kafka ]; then tests/connectors/kafka/kafka_broker.sh fetch; fi
  exec ctest --preset dev --parallel "$processors" "$@"
}

main() {
  detect_system
  case "${1:-}" in
    demo | test) ;;
    -h | --help | help) usage; exit 0 ;;
    "") usage >&2; exit 2 ;;
    *) say "error: unknown command '$1'"; usage >&2; exit 2 ;;
  esac
  local command=$1 packages=$1
  shift
  if [ "$command" = test ] && [ "${1:-}" = --kafka ]; then
    packages=kafka
    shift
  fi
  case "$release" in
    "debian 12" | "debian 13") install_missing "$packages" ;;
    *) refuse_unknown_system "$packages" ;;
  esac
  "run_$command" "$@"
}

caller_folder=$PWD
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
processors=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
cd "$repository"
main "$@"
