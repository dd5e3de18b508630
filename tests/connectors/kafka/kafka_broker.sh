#!/usr/bin/env bash
# One real Kafka broker (KRaft, combined node, loopback only) for tests.
#
#   kafka_broker.sh start DIR [PORT]   prints the bootstrap address, e.g. 127.0.0.1:24817, once it is ready
#   kafka_broker.sh stop DIR           SIGTERM, waits until gone
#   kafka_broker.sh kill DIR           SIGKILL, waits until gone
#   kafka_broker.sh restart DIR        stops it if it runs, starts it again on the same data and port
#   kafka_broker.sh fetch              fills the jar cache (the one step that needs a network: the others never do)
#
# DIR holds everything of this broker: data/, server.properties, broker.log, broker.pid, bootstrap. Beside the address in
# bootstrap it listens at those in bootstrap_sasl (PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, without TLS; user ann with the
# passwords secret, secret256 and secret512) and bootstrap_ssl, whose certificate ca.pem vouches for.
# Environment:
#   KAFKA_VERSION      broker version (3.9.2)
#   MILLSTREAM_CACHE   folder of the cached jars (${XDG_CACHE_HOME:-$HOME/.cache}/millstream)
#   KAFKA_HEAP         JVM heap limit (384m)
#   KAFKA_JVM          JVM flags; the default starts quickly, "" lets the broker run at full speed
#   KAFKA_PROPERTIES   extra broker properties "a=b c=d"; read at the first start of DIR
#   KAFKA_LIFETIME     seconds after which the broker is ended whatever happens (3600)
#   KAFKA_OWNER        pid of a process without which the broker is of no use: it ends with it, however that ends
# Exit: 0 done, 2 wrong usage, 3 no java or jars (a test may skip), 1 the broker did not start (see broker.log).
set -euo pipefail

version=${KAFKA_VERSION:-3.9.2}
cache=${MILLSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millstream}
jars=$cache/kafka-$version
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
keytool=${JAVA_HOME:+$JAVA_HOME/bin/}keytool
ready_line='Kafka Server started'
start_seconds=60

fail() { echo "kafka_broker: $2" >&2; exit "$1"; }

# Downloads into a sibling folder and renames it, so that a cached folder is always complete.
fetch() {
  [[ -f $jars/complete ]] && return
  command -v mvn >/dev/null || fail 3 "Kafka $version is not cached in $jars and mvn is not installed (Debian: maven)"
  mkdir -p "$cache"
  exec 9>"$cache/kafka.lock"
  flock 9
  if [[ ! -f $jars/complete ]]; then
    rm -rf "$jars" "$jars.part"
    mvn -q -B -f "$here/kafka_broker.pom.xml" -Dkafka.version="$version" -DincludeScope=runtime \
      -DoutputDirectory="$jars.part" dependency:copy-dependencies >&2 ||
      fail 3 "mvn could not fetch Kafka $version"
    rm -rf "$jars.part/.classes"
    touch "$jars.part/complete"
    mv "$jars.part" "$jars"
  fi
  exec 9>&-
}

need_jars() { [[ -f $jars/complete ]] || fail 3 "Kafka $version is not in $jars: run $0 fetch"; }

run_java() { exec "$java" -cp "$jars/*" "$@"; }

# A broker's formatted data folder holds no address, so one is made per version and copied. It holds the users of SCRAM.
format_data() {
  local properties=$1 data=$2 template=$jars/formatted_scram
  if [[ ! -d $template ]]; then
    local made
    made=$(mktemp -d "$jars/formatting.XXXXXX")
    sed "s|^log.dirs=.*|log.dirs=$made/data|" "$properties" >"$made/server.properties"
    (run_java -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn kafka.tools.StorageTool format \
      --cluster-id AAAAAAAAAAAAAAAAAAAAAQ --config "$made/server.properties" \
      --add-scram 'SCRAM-SHA-256=[name=ann,password=secret256]' \
      --add-scram 'SCRAM-SHA-512=[name=ann,password=secret512]') >"$made/log" 2>&1 ||
      { cat "$made/log" >&2; fail 1 "formatting failed"; }
    mv -T "$made/data" "$template" 2>/dev/null || true  # another start may have been first
    rm -rf "$made"
  fi
  cp -r "$template" "$data"
}

# A certificate for this machine's own address; made once per version and copied.
make_certificate() {
  local made
  if [[ ! -d $jars/tls ]]; then
    made=$(mktemp -d "$jars/tls.XXXXXX")
    { "$keytool" -genkeypair -alias broker -keyalg EC -groupname secp256r1 -validity 36500 -dname CN=localhost \
        -ext SAN=IP:127.0.0.1,DNS:localhost -storetype PKCS12 -keystore "$made/broker.p12" -storepass millstream &&
      "$keytool" -exportcert -rfc -alias broker -keystore "$made/broker.p12" -storepass millstream -file "$made/ca.pem"
    } >"$made/log" 2>&1 || { cat "$made/log" >&2; fail 1 "no certificate could be made"; }
    mv -T "$made" "$jars/tls" 2>/dev/null || rm -rf "$made"  # another start may have been first
  fi
  cp "$jars/tls/broker.p12" "$jars/tls/ca.pem" "$dir"
}

# Puts as many as are asked for into the array `ports`. Nothing keeps them free until the broker listens there.
find_free_ports() {
  local port
  while ((${#ports[@]} < $1)); do
    port=$((20000 + RANDOM % 12000))  # below the kernel's range for outgoing connections
    [[ " ${ports[*]} " == *" $port "* ]] && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || ports+=("$port")
  done
}

write_properties() {
  local port=$1 controller_port=$2 sasl_port=$3 ssl_port=$4
  local clients=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port,SSL://127.0.0.1:$ssl_port
  cat <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=$clients,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=$clients
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="secret";
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location=$dir/broker.p12
ssl.keystore.password=millstream
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
transaction.max.timeout.ms=900000
transaction.abort.timed.out.transaction.cleanup.interval.ms=200
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=200
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
log.retention.ms=-1
controlled.shutdown.enable=false
EOF
  local property
  for property in ${KAFKA_PROPERTIES:-}; do echo "$property"; done
}

# Prints the pid when the broker of DIR runs; a recycled pid of another program does not count.
running() {
  local pid
  pid=$(cat "$dir/broker.pid" 2>/dev/null) || return 1
  [[ -n $pid && -r /proc/$pid/cmdline ]] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$dir/server.properties" || return 1
  echo "$pid"
}

end_guard() {
  local guard
  guard=$(cat "$dir/guard.pid" 2>/dev/null) || return 0
  if tr '\0' ' ' 2>/dev/null <"/proc/$guard/cmdline" | grep -qF " guard $dir "; then
    kill -- "-$guard" 2>/dev/null || true
  fi
  rm -f "$dir/guard.pid"
}

end() {
  local signal=$1 pid
  end_guard
  pid=$(running) || return 0
  kill "-$signal" "$pid" 2>/dev/null || true
  for _ in $(seq 600); do
    running >/dev/null || { rm -f "$dir/broker.pid"; return 0; }
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# Ends the broker when its time or its owner has gone.
guard() {
  local pid waited
  for ((waited = 0; waited < ${KAFKA_LIFETIME:-3600}; ++waited)); do
    [[ -z ${KAFKA_OWNER:-} || -d /proc/$KAFKA_OWNER ]] || break
    running >/dev/null || return 0
    sleep 1
  done
  pid=$(running) && kill -KILL "$pid"
}

# What runs on must not hold the caller's open files (a lock, a pipe).
detach() {
  local fd
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    ((fd > 2)) && eval "exec $fd>&-" 2>/dev/null
  done
  exec setsid "$@"
}

# 1: the broker has ended while starting.
launch() {
  local jvm=${KAFKA_JVM--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}
  : >"$dir/broker.log"
  # shellcheck disable=SC2086  # $jvm is a list of flags
  (detach bash -c 'echo $$ >"$0/broker.pid"; exec "$@"' "$dir" "$java" -Xmx"${KAFKA_HEAP:-384m}" $jvm \
    -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -cp "$jars/*" kafka.Kafka "$dir/server.properties") </dev/null >>"$dir/broker.log" 2>&1 &
  local launched=$! waited=0
  until grep -qF "$ready_line" "$dir/broker.log"; do
    kill -0 "$launched" 2>/dev/null || { tail -n 20 "$dir/broker.log" >&2; return 1; }
    ((waited++ < start_seconds * 20)) || { end KILL; fail 1 "not ready after $start_seconds s, see $dir/broker.log"; }
    sleep 0.05
  done
  (detach bash "$here/kafka_broker.sh" guard "$dir") </dev/null >/dev/null 2>&1 &
  echo $! >"$dir/guard.pid"
  cat "$dir/bootstrap"
}

# Everything that a first start needs, with the first port where one is given.
prepare() {
  local ports=(${1:+"$1"})
  find_free_ports 4
  rm -rf "$dir/data"
  make_certificate
  write_properties "${ports[@]}" >"$dir/server.properties.part"
  format_data "$dir/server.properties.part" "$dir/data"
  echo "127.0.0.1:${ports[0]}" >"$dir/bootstrap"
  echo "127.0.0.1:${ports[2]}" >"$dir/bootstrap_sasl"
  echo "127.0.0.1:${ports[3]}" >"$dir/bootstrap_ssl"
  mv "$dir/server.properties.part" "$dir/server.properties"
}

command=${1:-}
[[ $command == fetch ]] && { fetch; exit; }
[[ $# -ge 2 ]] || fail 2 "usage: kafka_broker.sh start|stop|kill|restart DIR [PORT]"
mkdir -p "$2"
dir=$(cd "$2" && pwd)
case $command in
  start)
    running >/dev/null && { cat "$dir/bootstrap"; exit; }
    command -v "$java" >/dev/null || fail 3 "no java (Debian: default-jre-headless)"
    need_jars
    if [[ -f $dir/server.properties ]]; then
      launch || fail 1 "the broker ended while starting"
    else
      prepare "${3:-}"
      # Another process may have taken a port in between.
      launch || { prepare "${3:-}" && launch; } || fail 1 "the broker ended while starting"
    fi
    ;;
  restart)
    [[ -f $dir/server.properties ]] || fail 2 "$dir was never started"
    end TERM
    need_jars
    launch || fail 1 "the broker ended while starting"
    ;;
  guard) guard ;;  # of a broker that was started here
  stop) end TERM ;;
  kill) end KILL ;;
  *) fail 2 "unknown command $command" ;;
esac
