# Mistakes in user structs must not compile, and the error must be ours. Each case is a macro of one of the sources here;
# without a macro the source is right and must compile.

# What the compiler refuses does not depend on sanitizers.
if(MILLSTREAM_SANITIZE)
  return()
endif()

# The headers, precompiled once for all cases.
set(work ${CMAKE_CURRENT_BINARY_DIR}/compile_fail)
file(CONFIGURE OUTPUT ${work}/prelude.hpp CONTENT [[
#include "millstream/operators/process.hpp"
#include "millstream/operators/sink_check.hpp"
#include "millstream/operators/source_check.hpp"
#include "millstream/stream/dataflow.hpp"
#include "millstream/stream/keyed_stream.hpp"
#include "millstream/window/all_of.hpp"
]])
get_target_property(boost_includes Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
set(compile ${CMAKE_CXX_COMPILER} -std=c++20 -Wall -Wextra -I ${PROJECT_SOURCE_DIR}/include -I ${boost_includes})
add_test(NAME compile_fail.prelude COMMAND ${compile} -x c++-header ${work}/prelude.hpp -o ${work}/prelude.hpp.gch)
set_tests_properties(compile_fail.prelude PROPERTIES FIXTURES_SETUP prelude TIMEOUT 120 LABELS compile_fail)
list(APPEND compile -fsyntax-only -include ${work}/prelude.hpp)

# millstream_add_mistakes(<subject> [<case> <regular expression>]...): the cases of <subject>.cpp.
function(millstream_add_mistakes subject)
  set(source ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${subject}.cpp)
  add_test(NAME compile_fail.${subject}.right COMMAND ${compile} -Werror ${source})
  set(names compile_fail.${subject}.right)
  set(cases ${ARGN})
  while(cases)
    list(POP_FRONT cases case message)
    add_test(NAME compile_fail.${subject}.${case} COMMAND ${compile} -D${case} ${source})
    set_tests_properties(compile_fail.${subject}.${case} PROPERTIES
      PASS_REGULAR_EXPRESSION "error: static assertion failed: millstream: ${message}")
    list(APPEND names compile_fail.${subject}.${case})
  endwhile()
  set_tests_properties(${names} PROPERTIES FIXTURES_REQUIRED prelude TIMEOUT 120 LABELS compile_fail)
endfunction()

set(not_one "is private, overloaded or a template. it must be one public function")
set(wrong "has the wrong type. it must be")

millstream_add_mistakes(operator
  OPEN_PRIVATE "an operator's member open ${not_one}"
  OPEN_OVERLOADED "an operator's member open ${not_one}"
  OPEN_TEMPLATE "an operator's member open ${not_one}"
  OPEN_INHERITED_PRIVATELY "an operator's member open ${not_one}"
  OPEN_IS_DATA "an operator's member open ${wrong}"
  OPEN_WRONG "an operator's member open ${wrong}"
  OPEN_BY_VALUE "an operator's member open ${wrong}"
  OPEN_WRONG_RESULT "an operator's member open ${wrong}"
  OPEN_STATIC_WRONG "an operator's member open ${wrong}"
  PROCESS_MISSING "an operator's member process is missing"
  PROCESS_WRONG "an operator's member process ${wrong}"
  PROCESS_NOT_CONST "an operator's member process ${wrong}"
  PROCESS_TEMPLATE "an operator's member process ${not_one}"
  PROCESS_PRIVATE "an operator's member process ${not_one}"
  ON_TIMER_OVERLOADED "an operator's member on_timer ${not_one}"
  ON_TIMER_TEMPLATE "an operator's member on_timer ${not_one}"
  ON_TIMER_PRIVATE "an operator's member on_timer ${not_one}"
  ON_TIMER_OTHER_OUT "an operator's member on_timer ${wrong}"
  ON_TIMER_NOT_KEYED "an operator with on_timer must be keyed"
  ON_WATERMARK_WRONG "an operator's member on_watermark ${wrong}"
  ON_WATERMARK_PRIVATE "an operator's member on_watermark ${not_one}"
  CLOSE_WRONG "an operator's member close ${wrong}"
  CLOSE_OVERLOADED "an operator's member close ${not_one}"
  FINAL "an operator must not be final"
  A_LAMBDA "an operator's member process is missing"
  A_FUNCTION "an operator is a struct with a member process"
  NOT_COPYABLE "an operator is copied once for each shard"
  FUNCTION_WRONG "process<Out>.f. needs a function"
  STATE_WITHOUT_CODEC "value_state<V>: a type in keyed state needs a codec"
  LIST_WITHOUT_CODEC "list_state<V>: a type in keyed state needs a codec"
  MAP_WITHOUT_CODEC "map_state<MK, MV>: types in keyed state need codecs"
  MAP_KEY_WITHOUT_ORDER "map_state<MK, MV>: the keys of the map need operator<"
  KEY_WITHOUT_CODEC "the key of keyed state needs a codec")

millstream_add_mistakes(source
  POLL_MISSING "a source's member poll is missing"
  POLL_WRONG "a source's member poll ${wrong}"
  POLL_PRIVATE "a source's member poll ${not_one}"
  POLL_OVERLOADED "a source's member poll ${not_one}"
  POLL_TEMPLATE "a source's member poll ${not_one}"
  SPLITS_WRONG "a source's member splits ${wrong}"
  SPLITS_PRIVATE "a source's member splits ${not_one}"
  SPLITS_NOT_CONST "a source's member splits ${wrong}"
  OPEN_WRONG "a source's member open ${wrong}"
  OPEN_TEMPLATE "a source's member open ${not_one}"
  POSITION_NOT_CONST "a source's member position ${wrong}"
  POSITION_OVERLOADED "a source's member position ${not_one}"
  CLOSE_WRONG "a source's member close ${wrong}"
  ON_BAD_RECORD_IS_DATA "a source's member on_bad_record ${wrong}"
  READS_FROM_WRONG "a source's member reads_from ${wrong}"
  SHARED_BY_WRONG "a source's member shared_by ${wrong}"
  SHARED_AS_WRONG "a source's member shared_as ${wrong}"
  NOT_COPYABLE "a source is copied once for each split"
  FINAL "a source must not be final")

millstream_add_mistakes(sink
  WRITE_MISSING "a sink's member write is missing"
  WRITE_WRONG "a sink's member write ${wrong}"
  WRITE_WRONG_RESULT "a sink's member write ${wrong}"
  WRITE_OVERLOADED "a sink's member write ${not_one}"
  WRITE_TEMPLATE "a sink's member write ${not_one}"
  WRITE_PRIVATE "a sink's member write ${not_one}"
  OPEN_WRONG "a sink's member open ${wrong}"
  OPEN_OVERLOADED "a sink's member open ${not_one}"
  FLUSH_WRONG "a sink's member flush ${wrong}"
  FLUSH_PRIVATE "a sink's member flush ${not_one}"
  CLOSE_WRONG "a sink's member close ${wrong}"
  CLOSE_TEMPLATE "a sink's member close ${not_one}"
  PREPARE_WRONG "a sink's member prepare ${wrong}"
  PREPARE_PRIVATE "a sink's member prepare ${not_one}"
  PREPARE_MISSING "a sink has both prepare and commit"
  COMMIT_WRONG "a sink's member commit ${wrong}"
  COMMIT_OVERLOADED "a sink's member commit ${not_one}"
  COMMIT_MISSING "a sink has both prepare and commit"
  RECOVER_WRONG "a sink's member recover ${wrong}"
  RECOVER_TEMPLATE "a sink's member recover ${not_one}"
  DRAIN_WRONG "a sink's member drain ${wrong}"
  DRAIN_PRIVATE "a sink's member drain ${not_one}"
  MAKE_DECIDER_MISSING "a sink has both make_decider and decide_by"
  MAKE_DECIDER_WRONG "a sink's member make_decider ${wrong}"
  MAKE_DECIDER_NOT_CONST "a sink's member make_decider ${wrong}"
  DECIDE_BY_MISSING "a sink has both make_decider and decide_by"
  DECIDE_BY_WRONG "a sink's member decide_by ${wrong}"
  NOT_COPYABLE "a sink is copied once for each shard"
  FINAL "a sink must not be final")

set(needs "an aggregate needs a public member")
set(merge_wrong "an aggregate's member merge is private or has the wrong type")

millstream_add_mistakes(aggregate
  CREATE_MISSING "${needs} create"
  CREATE_NOT_CONST "${needs} create"
  CREATE_PRIVATE "${needs} create"
  ADD_MISSING "${needs} add"
  ADD_NOT_CONST "${needs} add"
  ADD_OTHER_RECORD "${needs} add"
  ADD_PRIVATE "${needs} add"
  MERGE_NOT_CONST "${merge_wrong}"
  MERGE_WRONG "${merge_wrong}"
  MERGE_OTHER_ACCUMULATOR "${merge_wrong}"
  MERGE_IS_DATA "${merge_wrong}"
  MERGE_PRIVATE "${merge_wrong}"
  MERGE_MISSING "this window merges partial results"
  RESULT_MISSING "${needs} result"
  RESULT_NOT_CONST "${needs} result"
  RESULT_VOID "${needs} result"
  ACCUMULATOR_WITHOUT_CODEC "an aggregate's accumulator is state and needs a codec"
  A_FUNCTION "an aggregate is a struct"
  FINAL "an aggregate must not be final")

set(event_time "event_time.f, strategy. needs a pointer to a member or a function of const Record&")
set(key_by "key_by.f. needs a pointer to a member or a function of const Record&")

millstream_add_mistakes(stream
  MAP_OTHER_RECORD "map.f. needs a function that can be called as f.const Record&."
  MAP_CHANGES_RECORD "map.f. needs a function that can be called as f.const Record&."
  MAP_VOID "the function of map must return a value"
  FILTER_OTHER_RECORD "filter.f. needs a function"
  FILTER_VOID "filter.f. needs a function"
  FILTER_NOT_BOOL "filter.f. needs a function"
  FLAT_MAP_WITHOUT_COLLECTOR "flat_map<Out>.f. needs a function"
  PEEK_OTHER_RECORD "peek.f. needs a function"
  KEY_BY_OTHER_RECORD "${key_by}"
  KEY_BY_OTHER_MEMBER "${key_by}"
  KEY_BY_WITHOUT_CODEC "the key needs a codec, for it enters keyed state"
  EVENT_TIME_OTHER_RECORD "${event_time}"
  EVENT_TIME_NOT_A_TIME "the event time must be a std::chrono::sys_time")
