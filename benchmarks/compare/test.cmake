# What compare says and ends with. cmake -DPROGRAM=<file> -DFOLDER=<scratch folder> -P test.cmake
file(MAKE_DIRECTORY ${FOLDER})

# expect(<name> <result> <regular expression> <old rows> <new rows>)
function(expect name result pattern old new)
  file(WRITE ${FOLDER}/old.json "${old}")
  file(WRITE ${FOLDER}/new.json "${new}")
  execute_process(COMMAND ${PROGRAM} ${FOLDER}/old.json ${FOLDER}/new.json
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE actual)
  if(NOT actual EQUAL result OR NOT output MATCHES "${pattern}")
    message(SEND_ERROR "${name}: ended with ${actual}, not ${result} and '${pattern}':\n${output}")
  endif()
endfunction()

function(row out measure values)
  set(${out} "[{\"name\":\"a\",\"records\":7,\"${measure}\":[${values}],\"equal\":true}]" PARENT_SCOPE)
endfunction()

row(low p99_us "10,11,12,13,14")
row(high p99_us "15,16,17,18,19")
row(touching p99_us "14,15,16,17,30")
row(few p99_us "100,110,120")
expect(same 0 "within noise" "${low}" "${low}")
expect(longer 1 "\\+41.7 %  WORSE" "${low}" "${high}")
expect(shorter 0 "better" "${high}" "${low}")
expect(noise 0 "12.000 .10.000 to 14.000. +16.000 .14.000 to 30.000. +\\+33.3 %  within noise" "${low}" "${touching}")
expect(too_few 0 "too few rounds" "${low}" "${few}")

row(ratio ratios "0.5,0.51,0.52,0.53,0.54")
row(less ratios "0.4,0.41,0.42,0.43,0.44")
expect(less_throughput 1 "WORSE" "${ratio}" "${less}")
expect(more_throughput 0 "better" "${less}" "${ratio}")
expect(gone 1 "GONE" "${ratio}" "${low}")

# Of nine values the second least and greatest are the interval, of 96 %: one outlier on each side does not count.
row(many p50_us "1,10,10,10,10,10,10,10,99")
row(more p50_us "1,11,11,11,11,11,11,11,99")
expect(outliers 1 "10.000 .10.000 to 10.000. +11.000 .11.000 to 11.000." "${many}" "${more}")

string(REPLACE "true" "false" wrong "${low}")
expect(wrong_results 1 "WRONG RESULTS" "${low}" "${wrong}")
expect(no_json 2 "new.json" "${low}" "[{")
expect(no_rows 2 "no rows" "${low}" "[]")
expect(no_rounds 2 "no values of single rounds" "${low}" "[{\"name\":\"a\"}]")

string(REPLACE "\"equal\"" "\"rate\":1000,\"equal\"" slow "${low}")
string(REPLACE "\"equal\"" "\"rate\":2000,\"equal\"" fast "${low}")
expect(same_rate 0 "within noise" "${slow}" "${slow}")
expect(other_rate 2 "a: measured with rate = 1000, and then with 2000" "${slow}" "${fast}")
