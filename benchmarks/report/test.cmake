# What report writes and ends with.
#   cmake -DPROGRAM=<file> -DFOLDER=<scratch folder> -DXMLLINT=<file or NOTFOUND> -P test.cmake
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
file(WRITE ${FOLDER}/cost.json [=[[{"name":"a<b","records":1000,"seconds":2,"hand_seconds":1,"ratio":0.5,"ratio_min":0.4,
 "ratio_max":0.6,"ratios":[0.4,0.5,0.6],"equal":false}]]=])
file(WRITE ${FOLDER}/kafka.json [=[[{"name":"kafka_copy","by_hand":1000,"exactly_once":850,"at_least_once":900,"equal":true},
 {"name":"kafka_end_to_end","rate":50000,"p50_us":[556000],"p99_us":[1156000]},
 {"name":"kafka_recovery","kills":5,"max_ms":900,"timeline":{"took_ms":420,"at_ms":[-500,0,420,900],
  "written":[0,5000,9200,14000],"read":[0,4500,4500,13000]}}]]=])
file(WRITE ${FOLDER}/state.json [=[[{"name":"checkpoint_1s","kept":0.97,"megabytes_a_checkpoint":37,
 "latency_us":[4,20,300,4000],"plain_latency_us":[3,10,null,30]}]]=])
file(WRITE ${FOLDER}/step.json [=[[{"window":"tumbling","p50_us":2,"p99_us":122,"longest_us":605}]]=])
file(WRITE ${FOLDER}/peers.json [=[[{"work":"map_filter","system":"hand","name":"map_filter hand","guarantee":"none",
 "checkpoint":"none","records":1000,"seconds":1,"cpu_seconds":1,"equal":true},
 {"work":"map_filter","system":"flink","name":"map_filter flink","guarantee":"exactly once","checkpoint":"1000 ms",
 "records":1000,"seconds":4,"cpu_seconds":8,"equal":true},
 {"work":"map_filter","system":"timely","name":"map_filter timely","skipped":"cargo is not installed"},
 {"work":"latency_100k","system":"jet","name":"latency_100k jet","checkpoint":"none","rate":100000,"cores":0.2,
 "latency_us":{"p50":68,"p99":479,"p99_9":3473,"max":11420},"equal":true},
 {"work":"recovery","system":"flink","name":"recovery flink","checkpoint":"100 ms","recovery_seconds":4.5,
 "started_seconds":0.4,"equal":true},
 {"work":"nexmark_q5","system":"millstream/flink","name":"nexmark_q5","checkpoint":"none","events_a_second":3,
 "events_a_cpu_second":7}]]=])
foreach(shards IN ITEMS 1 2)
  file(WRITE ${FOLDER}/sweep_${shards}.json "[{\"name\":\"keyed_50_percent\",\"rate\":${shards}000,\"load\":0.5,
   \"shards\":${shards},\"latency_us\":{\"p50\":0.35,\"p99\":7,\"p99_9\":16,\"p99_99\":null,\"max\":90},
   \"floor_us\":{\"p50\":0.02,\"p99\":-1,\"max\":8}}]")
endforeach()
file(WRITE ${FOLDER}/single.json [=[[{"name":"map","rate":20000,"seconds":0.4,"p50_us":[1,2],"latency_us":{"p50":1},
 "over_time":{"interval_seconds":0.1,"results":[5,0,3,4],"p50_us":[1,0,1,1],"p99_us":[2,0,1,3],"max_us":[90,0,1,3],
  "checkpoint_begin_seconds":[0.1,0.3],"checkpoint_end_seconds":[0.12,0.4]}}]]=])

execute_process(COMMAND ${PROGRAM} --output ${FOLDER}/out/deep ${FOLDER}/cost.json ${FOLDER}/kafka.json
  ${FOLDER}/state.json ${FOLDER}/step.json ${FOLDER}/sweep_1.json ${FOLDER}/sweep_2.json ${FOLDER}/single.json
  ${FOLDER}/peers.json
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "ended with ${result}: ${output}")
endif()
file(READ ${FOLDER}/out/deep/report.html page)
foreach(wanted IN ITEMS "a&lt;b \\(WRONG RESULTS\\): 0.5 \\(500/s, by hand 1 k/s\\)" "kafka_copy, exactly once: 0.85"
    "p50 556 ms, p99 1156 ms" "0.97 \\(37 MB" "605 us \\(p50 2, p99 122\\)" ">0.35<" ">p99.9<" "Cores against speed-up: keyed"
    "sustained, 2 k/s" ">Latency over time: map<" ">checkpoint<" "each interval of 100 ms" ">Recovery after SIGKILL"
    ">-400<" "recovery, 420 ms, is the median of 5" "flink, 1000 ms: 250/s, 8 k CPU s a million"
    "Without timely: cargo is not installed." "latency_100k: jet" "4.5 s \\(0.4 s" "7 x a CPU second, 3 x a second")
  if(NOT page MATCHES "${wanted}")
    message(SEND_ERROR "the page lacks '${wanted}'")
  endif()
endforeach()
string(REPLACE "http://www.w3.org/2000/svg" "" without_namespace "${page}")
if(without_namespace MATCHES "https?:|<script|@import")
  message(SEND_ERROR "the page refers to something outside of it")
endif()
file(GLOB pictures ${FOLDER}/out/deep/*.svg)
list(LENGTH pictures count)
if(NOT count EQUAL 17)
  message(SEND_ERROR "${count} pictures: ${pictures}")
endif()
if(XMLLINT)
  execute_process(COMMAND ${XMLLINT} --noout ${pictures} RESULT_VARIABLE result ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(SEND_ERROR "not well-formed: ${output}")
  endif()
endif()

# expect_failure(<result> <regular expression> <text of the file>)
function(expect_failure result pattern text)
  file(WRITE ${FOLDER}/bad.json "${text}")
  execute_process(COMMAND ${PROGRAM} --output ${FOLDER}/out ${FOLDER}/bad.json
    RESULT_VARIABLE actual ERROR_VARIABLE output)
  if(NOT actual EQUAL result OR NOT output MATCHES "${pattern}")
    message(SEND_ERROR "ended with ${actual}, not ${result} and '${pattern}':\n${output}")
  endif()
endfunction()
expect_failure(2 "bad.json: " "[{")
expect_failure(2 "bad.json: " "[{\"name\":\"a\",\"kept\":nan}]")
expect_failure(2 "bad.json: no rows" "[]")
expect_failure(2 "bad.json: not an array" "{}")
expect_failure(2 "bad.json: a row without a name" "[{\"kept\":1}]")
expect_failure(2 "bad.json: not written by cost, latency, kafka, state, step_time or peers/run.sh: the row 'q5'" "[{\"name\":\"q5\"}]")
execute_process(COMMAND ${PROGRAM} --output ${FOLDER}/cost.json/x ${FOLDER}/cost.json
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 1 OR NOT output MATCHES "cost.json")
  message(SEND_ERROR "a folder that cannot be made: ${result} ${output}")
endif()
